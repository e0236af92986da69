// The first run: a template, a cluster and an access key of the same plain names.
import { client } from '../api/client'
import { answer, isRefusal } from '../api/refusal'
import type { AccessKeySecret } from '../api/types'

export interface Wishes {
  min: number
  max: number
  capMbps: number // of each node, each way
  path: string
}

export const name = 'local'

// faults are what is wrong with the wishes, by field; the API checks the rest.
export function faults(w: Wishes): Partial<Record<keyof Wishes, string>> {
  const out: Partial<Record<keyof Wishes, string>> = {}
  if (!Number.isInteger(w.min) || w.min < 1) out.min = 'is a whole number from 1'
  if (!Number.isInteger(w.max) || w.max < w.min) out.max = 'is a whole number, not below the minimum'
  if (!(w.capMbps >= 1)) out.capMbps = 'is at least 1 Mb/s'
  if (!w.path.startsWith('/')) out.path = 'is an absolute path: it begins with /'
  return out
}

// createCluster may be repeated after it failed half-way: what exists already is taken.
export async function createCluster(w: Wishes): Promise<void> {
  const existing = (e: unknown) => {
    if (!isRefusal(e, 409)) throw e
  }
  const cap = { send_cap_mbps: w.capMbps, receive_cap_mbps: w.capMbps, max_sessions: 100 }
  await answer(client.POST('/api/v1/templates', { body: { name, provider: 'local', spec: { node: cap } } })).catch(existing)
  await answer(client.POST('/api/v1/clusters', { body: { name, template: name, policy: { min_available: w.min, max_nodes: w.max } } })).catch(existing)
}

export function createKey(keyName: string, path: string): Promise<AccessKeySecret> {
  return answer(client.POST('/api/v1/access-keys', { body: { name: keyName, storage: { type: 'local', path } } }))
}

// commands are what to type on the machine that has the files. The secret is asked for, so that it stays out of the
// shell's history.
export function commands(key: Pick<AccessKeySecret, 'login'>, folder: string, cluster: string): { login: string; copy: string } {
  return { login: key.login.replace(/\s+--secret-stdin\b/, ''), copy: `godwit cp -r ${quoted(folder)} ${cluster}:/` }
}

// quoted is a word as a POSIX shell reads it.
export function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
