export { startHmi, type Hmi, type HmiOptions } from './hmi.js'
export { startHistorian, type Historian, type HistorianOptions } from './historian.js'
export { FillingLine, type LineOptions, type LineSnapshot, type LineState } from './line.js'
export { filler, labeller, type MachineProfile } from './profiles.js'
