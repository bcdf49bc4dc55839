import type { Socket } from 'node:net'

const many = (line: (i: number) => string, count: number): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('')

/** What a hostile or broken machine answers, none of which may reach a browser: what it is, and its bytes. */
export const unfitAnswers: readonly [string, string][] = [
  ['status 099', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
  ['status 000', 'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'],
  ['status 600', 'HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n'],
  ['status 20', 'HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n'],
  ['status 2000', 'HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'],
  ['a control byte in a header', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n'],
  ['a carriage return in a header', 'HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n'],
  ['a space before a colon', 'HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 0\r\n\r\n'],
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['HTTP/0.9', '<html>old</html>'],
  ['another version', 'HTTP/4.7 200 OK\r\nContent-Length: 0\r\n\r\n'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['headers of 100 KB', `HTTP/1.1 200 OK\r\n${many((i) => `X-${i}: ${'a'.repeat(90)}\r\n`, 1_000)}\r\n`],
  ['one header of 100 KB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['a flood of interim responses', many(() => 'HTTP/1.1 102 Processing\r\n\r\n', 5_000)],
  ['a flood of early hints', many((i) => `HTTP/1.1 103 Early Hints\r\nLink: </${i}>\r\n\r\n`, 5_000)],
  ['an unsolicited 101', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['an unsolicited 101 without its headers', 'HTTP/1.1 101 X\r\n\r\n'],
  [
    'a redirect elsewhere',
    'HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n',
  ],
  ['a redirect to a neighbour', 'HTTP/1.1 307 X\r\nLocation: //10.20.3.11/\r\nContent-Length: 0\r\n\r\n'],
]

/** Answers that begin well, with the four bytes `half` of their body, and how the machine breaks them then. */
export const brokenAnswers: readonly [string, string, (socket: Socket) => void][] = [
  [
    'resets in the middle of a length',
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'closes in the middle of a length',
    'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    (socket) => socket.end(),
  ],
  [
    'resets between chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    (socket) => socket.resetAndDestroy(),
  ],
  [
    'closes between chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    (socket) => socket.end(),
  ],
  [
    'closes inside a chunk',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf',
    (socket) => socket.end(),
  ],
  [
    'sends a broken chunk size',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    (socket) => socket.write('xyz\r\n'),
  ],
  [
    'resets a body that ends with its connection',
    'HTTP/1.1 200 OK\r\n\r\nhalf',
    (socket) => socket.resetAndDestroy(),
  ],
]
