// http-proxy as its manual shows it, and with the keep-alive agent without which it is far slower. It checks
// nothing and records nothing.
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

/** @param {{ machineUrl: string }} options */
export function create({ machineUrl }) {
  const proxy = httpProxy.createProxyServer({ target: machineUrl, agent: new Agent({ keepAlive: true }) })
  proxy.on('error', (_error, _req, res) => res.destroy())
  return createServer((req, res) => proxy.web(req, res))
}
