// nginx, as Debian packages it: a plain proxy, and one that asks a service before each request.
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { once } from 'node:events'
import { startProgram } from './children.js'
import { childrenOf, openFilesLimit } from './kernel.js'

export interface Nginx {
  readonly port: number
  /** With `certificate`. */
  readonly tlsPort: number
  /** Master and worker. */
  readonly processIds: readonly number[]
  close(): Promise<void>
}

export interface NginxOptions {
  /** Of its own. */
  readonly folder: string
  readonly machinePort: number
  /** Listens with TLS as well. */
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string }
  /** Where it asks before each request, and what it writes about each. */
  readonly checks?: { readonly port: number; readonly logFile: string }
}

/** Often not on the PATH of people who are not root. */
export function findNginx(): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, 'nginx')).find((file) => existsSync(file)) ?? null
}

export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const program = findNginx()
  if (program === null) throw new Error('nginx is needed for this: apt-get install nginx')
  await mkdir(options.folder)
  const [port, tlsPort] = await freePorts()
  const file = join(options.folder, 'nginx.conf')
  await writeFile(file, describe(options, port, tlsPort))
  const { id, close } = await startProgram(program, ['-p', options.folder, '-c', file])
  await untilAccepts(port)
  return { port, tlsPort, processIds: [id, ...childrenOf(id)], close }
}

/**
 * One worker, as each Gatehouse is one process. Limits that would end connections in the middle of a round
 * are out of the way, and nothing is buffered on disk.
 */
function describe({ folder, machinePort, certificate, checks }: NginxOptions, port: number, tlsPort: number) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join('\n  ')
  const check = `
    location = /checks {
      internal;
      proxy_pass http://checks;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }`
  const isChecked = checks !== undefined
  return `
daemon off;
pid ${join(folder, 'nginx.pid')};
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile ${openFilesLimit()};
events { worker_connections ${Math.min(openFilesLimit(), 65_536)}; }
http {
  ${temporary}
  access_log ${isChecked ? `${checks.logFile} combined buffer=64k flush=1s` : 'off'};
  keepalive_requests 1000000000;
  proxy_max_temp_file_size 0;
  proxy_read_timeout 900s;
  map $http_upgrade $connection_header { default upgrade; '' ''; }
  upstream machine { server 127.0.0.1:${machinePort}; keepalive 256; keepalive_requests 1000000000; }
  ${isChecked ? `upstream checks { server 127.0.0.1:${checks.port}; keepalive 256; keepalive_requests 1000000000; }` : ''}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${certificate ? tls(certificate, tlsPort) : ''}
    location / {
      ${isChecked ? 'auth_request /checks; auth_request_set $user $upstream_http_x_user; proxy_set_header X-User $user;' : ''}
      proxy_pass http://machine;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
    }
    ${isChecked ? check : ''}
  }
}
`
}

function tls({ certificateFile, keyFile }: NonNullable<NginxOptions['certificate']>, port: number): string {
  return `listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${certificateFile};
    ssl_certificate_key ${keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;`
}

/** Two that were free a moment ago: nginx cannot say which one it was given. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ports.push((server.address() as AddressInfo).port)
  }
  for (const server of servers) server.close()
  const [port = 0, tlsPort = 0] = ports
  return [port, tlsPort]
}

async function untilAccepts(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await pause(50)
    } finally {
      socket.destroy()
    }
  }
  throw new Error('nginx does not listen')
}
