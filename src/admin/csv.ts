/** A byte order mark: without it spreadsheets take UTF-8 for something older. */
const byteOrderMark = '\ufeff'

/**
 * A table as RFC 4180 has it, for spreadsheets: every cell quoted, lines ended by CRLF, UTF-8 with a byte order mark.
 *
 * Spreadsheets calculate what looks like a formula, and a formula can send what stands beside it elsewhere. Cells were
 * written by strangers, so one that would be calculated begins with an apostrophe (OWASP, CSV Injection).
 */
export function csvText(rows: readonly (readonly string[])[]): string {
  return byteOrderMark + rows.map((row) => `${row.map(quote).join(',')}\r\n`).join('')
}

const formulaAtStart = /^(?=[=+\-@\t\r\n＝＋－＠])/
// Where semicolons or tabs part cells, as in half of Europe, a cell of ours may be taken for several.
const formulaWithin = /([;\t\r\n|]["'\s]*)(?=[=+\-@＝＋－＠])/g

function quote(cell: string): string {
  const inert = cell.replace(formulaWithin, "$1'").replace(formulaAtStart, "'")
  return `"${inert.replaceAll('"', '""')}"`
}
