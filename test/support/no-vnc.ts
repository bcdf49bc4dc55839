import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, startServer, type RunningProgram } from './child.js'

/**
 * The screen of a panel PC in a browser: noVNC, whose websockify leads to TigerVNC, on whose screen a
 * terminal shows the time and takes a line.
 */
export interface NoVnc {
  readonly url: string
  readonly screenPath: string
  /** Lines entered in the terminal. A click arrives in front of one as `ESC [ < button ; column ; row M`. */
  entered(): Promise<string>
  output(): string
  close(): Promise<void>
}

const terminal = [
  // Reports clicks, so that the pointer can be seen to arrive.
  String.raw`printf '\033[?1000h\033[?1006h'`,
  'while :; do date +%H:%M:%S; sleep 1; done &',
  // Not `read`: its line would be cut at what it takes for an escape.
  'exec cat >entered',
].join('\n')

/** @throws Error when one of the three is not installed: `node scripts/setup-test.mjs` does that */
export async function startNoVnc(): Promise<NoVnc> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-vnc-'))
  const socket = join(folder, 'vnc.sock')
  const programs: RunningProgram[] = []
  const close = async (): Promise<void> => {
    for (const program of programs.reverse()) await program.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const output = (): string => programs.map((program) => program.output()).join('\n')
  try {
    // The X server takes the first free display and prints its number once it serves; no TCP port at all.
    const screen = await startProgram({
      name: 'TigerVNC',
      file: 'Xtigervnc',
      args: [
        ...['-displayfd', '1', '-rfbunixpath', socket, '-rfbport', '-1', '-nolisten', 'tcp'],
        ...['-SecurityTypes', 'None', '-geometry', '640x400', '-depth', '24'],
      ],
      cwd: folder,
      isReady: (printed) => displayIn(printed) !== null,
      withinMs: 30_000,
    })
    programs.push(screen)
    const bridge = await startServer({
      name: 'websockify',
      command: (port) => ({
        file: 'websockify',
        args: ['--web', '/usr/share/novnc', '--unix-target', socket, `127.0.0.1:${port}`],
        cwd: folder,
      }),
      readyPath: '/vnc.html',
      withinMs: 20_000,
    })
    programs.push(bridge)
    programs.push(
      await startProgram({
        name: 'xterm',
        file: 'xterm',
        args: ['-geometry', '80x24+0+0', '-e', 'sh', '-c', terminal],
        cwd: folder,
        env: { DISPLAY: `:${displayIn(screen.output()) ?? ''}` },
        isReady: () =>
          readFile(join(folder, 'entered')).then(
            () => true,
            () => false,
          ),
        withinMs: 20_000,
      }),
    )
    return {
      url: bridge.url,
      screenPath: '/vnc.html?autoconnect=true',
      entered: () => readFile(join(folder, 'entered'), 'utf8'),
      output,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function displayIn(printed: string): string | null {
  return /^(\d+)$/m.exec(printed)?.[1] ?? null
}
