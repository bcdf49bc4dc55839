// Ten million answers, compared with Node's parser, showed where the reader of machines' answers took more:
// `Transfer-Encoding: chunked` with a tab behind it was read as chunks, and by Node as content without an end;
// likewise a tab behind a length; extensions of chunks that keep to no grammar; a length among the trailers; an
// answer behind an interim one that had ended the connection; and a connection was kept that
// `Proxy-Connection: close` had ended. Wherever two readers differ on the end of an answer, a hostile machine can
// put a second answer into the first.
import { readAnswer } from '../support/reader.js'

const ok = 'HTTP/1.1 200 OK\r\n'
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`

describe('an answer that Node’s parser refuses or reads in another way', () => {
  it.each([
    ['a tab behind a coding', `${ok}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`],
    ['a tab and a blank behind a coding', `${ok}Transfer-Encoding: chunked\t \r\n\r\n0\r\n\r\n`],
    ['a tab behind a length', `${ok}A: b\r\nContent-Length: 1\t\r\n\r\na`],
    ['an extension without a name', `${chunked}1;=b\r\na\r\n0\r\n\r\n`],
    ['an extension with a blank', `${chunked}1;a b\r\na\r\n0\r\n\r\n`],
    ['an extension whose quotes do not close', `${chunked}1;a="b\r\na\r\n0\r\n\r\n`],
    ['a length among the trailers', `${chunked}0\r\nContent-Length: 5\r\n\r\n`],
    ['a coding among the trailers', `${chunked}0\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['an interim answer of HTTP/1.0', `HTTP/1.0 100 Continue\r\n\r\n${ok}Content-Length: 0\r\n\r\n`],
    [
      'an interim answer that ends the connection',
      `HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${ok}Content-Length: 0\r\n\r\n`,
    ],
  ])('is refused: %s', (_, text) => {
    expect(readAnswer([text]).outcome).toBe('refused')
  })

  it('and is the last where the machine says so under an old name', () => {
    const text = `${ok}Proxy-Connection: close\r\nContent-Length: 1\r\n\r\na`
    expect(readAnswer([text])).toMatchObject({ outcome: 'complete', body: 'a', mayReuse: false })
  })

  it('is no other than before where extensions and blanks are as they should be', () => {
    const text = `${ok}Transfer-Encoding:\tchunked \r\n\r\n1;a;b=c;d="e \\" f"\r\na\r\n0;z\r\nX-A: b\t\r\n\r\n`
    expect(readAnswer([text])).toMatchObject({ outcome: 'complete', body: 'a', mayReuse: true })
  })
})
