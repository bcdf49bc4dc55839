import type { ComponentChildren, JSX } from 'preact'
import { renderToString } from 'preact-render-to-string'
import type { LineSnapshot } from './line.js'
import {
  scaleNames,
  setpointNames,
  type MachineProfile,
  type Scale,
  type ScaleName,
  type SetpointName,
} from './profiles.js'

/** The displays of one panel. */
export const hmiPages = ['overview', 'setpoints', 'alarms', 'trend'] as const
export type HmiPage = (typeof hmiPages)[number]

export interface HmiView {
  readonly site: string
  /** What the title bar calls this panel. */
  readonly name: string
  readonly profile: MachineProfile
  readonly snapshot: LineSnapshot
  /** Answer to a form that was sent without scripts. */
  readonly flash: string | null
}

const titles: Record<HmiPage, string> = {
  overview: 'Overview',
  setpoints: 'Setpoints',
  alarms: 'Alarms',
  trend: 'Trend',
}

/** One display as a whole page. It is complete without scripts; scripts keep it live. */
export function renderHmi(page: HmiPage, view: HmiView): string {
  const display = { overview: Overview, setpoints: Setpoints, alarms: Alarms, trend: Trend }[page]
  return `<!doctype html>${renderToString(
    <Panel page={page} view={view}>
      {display({ view })}
    </Panel>,
  )}`
}

function Panel(props: { page: HmiPage; view: HmiView; children: ComponentChildren }): JSX.Element {
  const { page, view } = props
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${titles[page]} · ${view.name}`}</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/hmi.css" />
      </head>
      <body data-page={page}>
        <header class="top">
          <div class="place">
            <strong>{view.name}</strong>
            <span>{view.site}</span>
          </div>
          <nav aria-label="Displays">
            {hmiPages.map((name) => (
              <a href={`/hmi/${name}`} aria-current={name === page ? 'page' : undefined}>
                {titles[name]}
                {name === 'alarms' ? <span class="count" data-alarm-count hidden /> : null}
              </a>
            ))}
          </nav>
          <div class="status">
            <span id="link-state" class="link">
              Connecting
            </span>
            <time data-clock>--:--:--</time>
          </div>
        </header>
        <div id="link-banner" class="banner" role="alert" hidden />
        <div class="strip" data-alarm-strip>
          <span class="quiet">No active alarms</span>
        </div>
        <main>{props.children}</main>
        <script type="application/json" id="profile" dangerouslySetInnerHTML={{ __html: embed(view) }} />
        <script src="/assets/hmi.js" />
      </body>
    </html>
  )
}

/** JSON inside a script element: only `<` could end it. */
function embed(view: HmiView): string {
  const { scales, setpoints } = view.profile
  return JSON.stringify({ scales, setpoints }).replaceAll('<', '\\u003c')
}

function Overview({ view }: { view: HmiView }): JSX.Element {
  const { profile, snapshot } = view
  return (
    <div class="overview">
      <section class="panel mimic" aria-label="Process picture">
        <Mimic profile={profile} snapshot={snapshot} />
      </section>
      <section class="panel readings" aria-label="Readings">
        {scaleNames.map((name) => (
          <Indicator name={name} view={view} />
        ))}
      </section>
      <section class="panel production" aria-label="Production">
        <Figure label="Line state" slot="state" text={snapshot.state} />
        <Figure label="Good bottles" slot="good" text={String(snapshot.counters.good)} />
        <Figure label="Rejected" slot="rejected" text={String(snapshot.counters.rejected)} />
        <Figure label="Reject rate" slot="rejectPercent" text={snapshot.rejectPercent.toFixed(1)} unit="%" />
        <Figure label="Infeed, bottles" slot="infeed" text={String(snapshot.buffers.infeed)} isCompact />
        <Figure label="Outfeed, bottles" slot="outfeed" text={String(snapshot.buffers.outfeed)} isCompact />
        <div class="command">
          <div class="row">
            <span class="label">Speed setpoint</span>
            <span id="command-result" class="hint" role="status" />
          </div>
          <div class="nudge">
            <button type="button" data-nudge="-10" aria-label="Ten bottles a minute slower">
              −10
            </button>
            <output data-setpoint="speed">{snapshot.setpoints.speed}</output>
            <button type="button" data-nudge="10" aria-label="Ten bottles a minute faster">
              +10
            </button>
          </div>
        </div>
      </section>
    </div>
  )
}

function Figure(props: {
  label: string
  slot: string
  text: string
  unit?: string
  /** Shown on small screens, where the picture has no room for it. */
  isCompact?: boolean
}): JSX.Element {
  return (
    <div class={props.isCompact ? 'figure compact' : 'figure'}>
      <span class="label">{props.label}</span>
      <span class="number">
        <output data-slot={props.slot}>{props.text}</output>
        {props.unit === undefined ? null : <small>{props.unit}</small>}
      </span>
    </div>
  )
}

/** Percent along the bar, kept on it. */
function along(scale: Scale, value: number): number {
  return Math.min(100, Math.max(0, (100 * (value - scale.low)) / (scale.high - scale.low)))
}

function isSetpoint(name: ScaleName): name is ScaleName & SetpointName {
  return (setpointNames as readonly string[]).includes(name)
}

/** A moving analogue indicator: the eye sees "inside the band" without reading a number (ISA-101.01). */
function Indicator({ name, view }: { name: ScaleName; view: HmiView }): JSX.Element {
  const scale = view.profile.scales[name]
  const setpoint = isSetpoint(name) ? view.snapshot.setpoints[name] : null
  const value = view.snapshot.values[name]
  const [low, high] =
    'around' in scale.normal
      ? [(setpoint ?? 0) - scale.normal.around, (setpoint ?? 0) + scale.normal.around]
      : scale.normal
  const from = along(scale, low)
  return (
    <div class="indicator" data-indicator={name}>
      <span class="title">
        <span class="label">{scale.label}</span>
        <span class="tag">{scale.tag}</span>
      </span>
      <span class="value">
        <output id={`live-${name}`} data-value={name}>
          {value.toFixed(scale.decimals)}
        </output>
        <small>{scale.unit}</small>
      </span>
      <div class="bar" aria-hidden="true">
        <i
          class="normal"
          style={`left:${from.toFixed(1)}%;width:${(along(scale, high) - from).toFixed(1)}%`}
        />
        {scale.alarmLow === undefined ? null : (
          <i class="alarm low" style={`width:${along(scale, scale.alarmLow).toFixed(1)}%`} />
        )}
        {scale.alarmHigh === undefined ? null : (
          <i class="alarm high" style={`left:${along(scale, scale.alarmHigh).toFixed(1)}%`} />
        )}
        {setpoint === null ? null : (
          <i class="setpoint" style={`left:${along(scale, setpoint).toFixed(1)}%`} />
        )}
        <b class="pointer" style={`left:${along(scale, value).toFixed(1)}%`} />
      </div>
      <div class="ends">
        <span>{scale.low}</span>
        {setpoint === null ? null : (
          <span>
            SP <output data-setpoint={name}>{setpoint}</output>
          </span>
        )}
        <span>{scale.high}</span>
      </div>
    </div>
  )
}

const tank = { x: 318, y: 48, width: 170, height: 282 }
/** How far the lower half of the picture is moved down. */
const lowered = 52
const bottlePath = 'M-3.5 -34h7v8c0 5 4.5 6 4.5 12v12a2 2 0 0 1-2 2h-12a2 2 0 0 1-2-2v-12c0-6 4.5-7 4.5-12z'

function Mimic({ profile, snapshot }: { profile: MachineProfile; snapshot: LineSnapshot }): JSX.Element {
  const { values, actuators, buffers } = snapshot
  const filled = (tank.height * values.level) / 100
  const bottom = tank.y + tank.height
  const middle = tank.x + tank.width / 2
  return (
    <svg viewBox="0 0 820 536" role="img" aria-label={`${profile.vessel}, ${profile.head} and conveyor`}>
      <defs>
        <clipPath id="vessel">
          <rect x={tank.x} y={tank.y} width={tank.width} height={tank.height} rx="22" />
        </clipPath>
      </defs>

      {/* supply: valve, pump */}
      <path class="pipe" d={`M24 120H${String(tank.x)}`} />
      <text class="name" x="24" y="104">
        {profile.medium}
      </text>
      <g transform="translate(118 120)">
        <path class="device" d="M-17 -12L17 12V-12L-17 12Z" />
        <path class="pipe thin" d="M0 0V-22" />
        <path class="device" d="M-11 -22a11 11 0 0 1 22 0z" />
        <Reading y={40} tag={profile.tags.valve} slot="valve" value={actuators.valve} unit="%" />
      </g>
      <g transform="translate(226 120)">
        <circle class="device" r="19" />
        <path class="mark" d="M-8 -11L13 0L-8 11Z" />
        <Reading y={40} tag={profile.tags.pump} slot="pump" value={actuators.pump} unit="%" />
      </g>

      {/* vessel */}
      <path class="jacket" d={`M${String(tank.x - 9)} 204V312M${String(tank.x + tank.width + 9)} 204V312`} />
      <rect class="vessel" x={tank.x} y={tank.y} width={tank.width} height={tank.height} rx="22" />
      <g clip-path="url(#vessel)">
        <rect
          class="liquid"
          data-level
          x={tank.x}
          y={bottom - filled}
          width={tank.width}
          height={filled}
          data-bottom={bottom}
          data-height={tank.height}
        />
      </g>
      <rect class="vessel outline" x={tank.x} y={tank.y} width={tank.width} height={tank.height} rx="22" />
      {[25, 50, 75].map((percent) => (
        <path class="tick" d={`M${String(tank.x)} ${String(bottom - (tank.height * percent) / 100)}h10`} />
      ))}
      <text class="name" x={middle} y="38" text-anchor="middle">
        {profile.vessel}
      </text>
      <text class="reading big" x={middle} y={tank.y + 152} text-anchor="middle">
        <tspan data-value="level">{values.level.toFixed(1)}</tspan>
        <tspan class="unit"> %</tspan>
      </text>
      <g transform={`translate(${String(tank.x + tank.width + 26)} 96)`}>
        <Readout label={profile.scales.pressure.tag} name="pressure" profile={profile} snapshot={snapshot} />
      </g>
      <g transform={`translate(${String(tank.x + tank.width + 26)} 154)`}>
        <Readout
          label={profile.scales.temperature.tag}
          name="temperature"
          profile={profile}
          snapshot={snapshot}
        />
      </g>
      <g transform={`translate(${String(tank.x + tank.width + 26)} 212)`}>
        <text class="name" y="0">
          {profile.tempering} {profile.tags.tempering}
        </text>
        <text class="reading" y="21">
          <tspan data-actuator="tempering">{actuators.tempering.toFixed(0)}</tspan>
          <tspan class="unit"> %</tspan>
        </text>
      </g>

      <g transform={`translate(0 ${String(lowered)})`}>
        {/* head */}
        <path class="pipe" d={`M${String(middle)} ${String(bottom - lowered)}V318`} />
        <rect class="device" x="300" y="318" width="206" height="40" rx="3" />
        {[318, 346, 374, 402, 430, 458, 486].map((x) => (
          <path class="nozzle" d={`M${String(x)} 358v10`} />
        ))}
        <text class="name inside" x="312" y="343">
          {profile.head}
        </text>
        <text class="reading" x="494" y="344" text-anchor="end">
          <tspan data-value="speed">{values.speed.toFixed(0)}</tspan>
          <tspan class="unit"> bpm</tspan>
        </text>

        {/* conveyor */}
        <path class="belt" d="M24 416H796" />
        <path class="belt lower" d="M24 430H796" />
        {Array.from({ length: 13 }, (_, index) => (
          <circle class="roller" cx={34 + index * 62.6} cy="423" r="4.5" />
        ))}
        <Bottles slot="infeed" from={40} count={11} share={buffers.infeed / profile.physics.infeedBottles} />
        {[318, 346, 374, 402, 430, 458, 486].map((x) => (
          <path class="bottle full" d={bottlePath} transform={`translate(${String(x)} 416)`} />
        ))}
        <rect class="device" x="538" y="372" width="44" height="44" rx="3" />
        <text class="name" x="560" y="364" text-anchor="middle">
          {profile.inspection}
        </text>
        <path class="mark" d="M550 402l10-14 10 14z" />
        <path class="pipe thin" d="M560 430v22h18" />
        <text class="name" x="586" y="456">
          Rejected
        </text>
        <text class="reading" x="652" y="457">
          <tspan data-slot="rejected">{snapshot.counters.rejected}</tspan>
        </text>
        <Bottles
          slot="outfeed"
          from={612}
          count={8}
          share={buffers.outfeed / profile.physics.outfeedBottles}
        />
        <text class="name" x="24" y="364">
          Infeed
        </text>
        <text class="reading" x="72" y="365">
          <tspan data-buffer="infeed">{buffers.infeed}</tspan>
          <tspan class="unit"> of {profile.physics.infeedBottles}</tspan>
        </text>
        <text class="name" x="690" y="340" text-anchor="start">
          Outfeed
        </text>
        <text class="reading" x="690" y="362">
          <tspan data-buffer="outfeed">{buffers.outfeed}</tspan>
          <tspan class="unit"> of {profile.physics.outfeedBottles}</tspan>
        </text>
        <path class="arrow" d="M24 470H84M78 466l6 4-6 4" />
        <text class="name" x="92" y="474">
          Direction of travel
        </text>
      </g>
    </svg>
  )
}

function Reading(props: { y: number; tag: string; slot: string; value: number; unit: string }): JSX.Element {
  return (
    <>
      <text class="name" y={props.y} text-anchor="middle">
        {props.tag}
      </text>
      <text class="reading" y={props.y + 21} text-anchor="middle">
        <tspan data-actuator={props.slot}>{props.value.toFixed(0)}</tspan>
        <tspan class="unit"> {props.unit}</tspan>
      </text>
    </>
  )
}

function Readout(props: {
  label: string
  name: ScaleName
  profile: MachineProfile
  snapshot: LineSnapshot
}): JSX.Element {
  const scale = props.profile.scales[props.name]
  return (
    <>
      <text class="name" y="0">
        {props.label}
      </text>
      <text class="reading" y="21">
        <tspan data-value={props.name}>{props.snapshot.values[props.name].toFixed(scale.decimals)}</tspan>
        <tspan class="unit"> {scale.unit}</tspan>
      </text>
    </>
  )
}

/** How full a stretch of conveyor is, in bottles that stand still: motion would only draw the eye. */
function Bottles(props: { slot: string; from: number; count: number; share: number }): JSX.Element {
  return (
    <g data-bottles={props.slot}>
      {Array.from({ length: props.count }, (_, index) => {
        // They queue where they wait: before the head, and behind it.
        const place = props.slot === 'infeed' ? props.count - 1 - index : index
        const isTaken = place < Math.round(props.share * props.count)
        const x = props.from + index * 23.5
        return (
          <path
            class={isTaken ? 'bottle full' : 'bottle'}
            d={bottlePath}
            transform={`translate(${x.toFixed(1)} 416)`}
          />
        )
      })}
    </g>
  )
}

function Setpoints({ view }: { view: HmiView }): JSX.Element {
  const { profile, snapshot } = view
  return (
    <div class="setpoints">
      <form id="setpoint-form" class="panel" method="post" action="/api/setpoint" autoComplete="off">
        <h1>Setpoints</h1>
        <table>
          <thead>
            <tr>
              <th scope="col">Loop</th>
              <th scope="col" class="right">
                Now
              </th>
              <th scope="col" class="right">
                Setpoint
              </th>
              <th scope="col">Allowed</th>
            </tr>
          </thead>
          <tbody>
            {setpointNames.map((name) => {
              const range = profile.setpoints[name]
              const scale = profile.scales[name]
              return (
                <tr>
                  <th scope="row">
                    <label for={`set-${name}`}>{range.label}</label>
                    <span class="tag">{scale.tag}</span>
                  </th>
                  <td class="right now">
                    <output id={`live-${name}`} data-value={name}>
                      {snapshot.values[name].toFixed(scale.decimals)}
                    </output>
                    <small>{scale.unit}</small>
                  </td>
                  <td class="right entry">
                    <input
                      id={`set-${name}`}
                      name={name}
                      type="number"
                      inputMode="decimal"
                      required
                      step="any"
                      value={snapshot.setpoints[name]}
                    />
                    <small>{range.unit}</small>
                  </td>
                  <td class="allowed">
                    {range.min} to {range.max} {range.unit}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
        <div class="actions">
          <button type="submit" class="primary">
            Write setpoints
          </button>
          <span id="setpoint-result" role="status">
            {view.flash}
          </span>
        </div>
      </form>
      <aside class="panel notes">
        <h2>Before you write</h2>
        <p>The line ramps to a new speed at {profile.physics.speedUpPerSecond} bpm each second.</p>
        <p>
          Below {profile.physics.lowLevelStop} % the line is held and restarts by itself above{' '}
          {profile.physics.lowLevelRestart} %.
        </p>
        <p>Every change is entered in the journal with who made it.</p>
      </aside>
      <section class="panel">
        <h2>Latest changes</h2>
        <Journal kind="setpoint" />
      </section>
    </div>
  )
}

function Alarms(): JSX.Element {
  return (
    <div class="alarms">
      <section class="panel">
        <div class="heading">
          <h1>Alarms</h1>
          <button type="button" data-acknowledge="*">
            Acknowledge all
          </button>
        </div>
        <div class="scroll">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Priority</th>
                <th scope="col">Since</th>
                <th scope="col">Alarm</th>
                <th scope="col">What to do</th>
                <th scope="col">State</th>
                <th scope="col" aria-label="Acknowledge" />
              </tr>
            </thead>
            <tbody data-alarm-rows />
          </table>
        </div>
        <p class="quiet" data-alarm-none>
          No active alarms.
        </p>
      </section>
      <section class="panel">
        <h2>Journal</h2>
        <Journal />
      </section>
    </div>
  )
}

function Journal({ kind }: { kind?: string }): JSX.Element {
  return (
    <div class="scroll">
      <table class="list journal">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Event</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody data-journal-rows={kind ?? ''} />
      </table>
    </div>
  )
}

function Trend({ view }: { view: HmiView }): JSX.Element {
  const shown: ScaleName[] = ['speed', 'level', 'temperature', 'pressure']
  return (
    <section class="panel trend">
      <div class="heading">
        <h1>Last 10 minutes</h1>
        <span class="key">
          <i class="line" /> measured <i class="line dashed" /> setpoint <i class="line limit" /> alarm limit
        </span>
      </div>
      {shown.map((name) => {
        const scale = view.profile.scales[name]
        return (
          <figure data-chart={name}>
            <figcaption>
              <span class="label">{scale.label}</span>
              <span class="tag">{scale.tag}</span>
              <span class="value">
                <output id={`live-${name}`} data-value={name}>
                  {view.snapshot.values[name].toFixed(scale.decimals)}
                </output>
                <small>{scale.unit}</small>
              </span>
            </figcaption>
            <svg role="img" aria-label={`${scale.label}, last 10 minutes`} />
          </figure>
        )
      })}
    </section>
  )
}
