import createClient from 'openapi-fetch'
import { once } from './once'
import type { paths } from './schema'

// client speaks /api/v1 with the session of the cookie, which no script can read.
export const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? '',
  fetch: once((request) => globalThis.fetch(request)),
  querySerializer: { array: { style: 'form', explode: false } },
})

const listeners = new Set<() => void>()

// onSessionEnd calls f when an answer says that nobody is signed in (any more).
export function onSessionEnd(f: () => void): () => void {
  listeners.add(f)
  return () => listeners.delete(f)
}

export function sessionEnded(): void {
  for (const f of listeners) f()
}

const open = ['/api/v1/sessions', '/api/v1/setup', '/api/v1/me']

client.use({
  onResponse({ response, schemaPath }) {
    if (response.status === 401 && !open.includes(schemaPath)) sessionEnded()
    return undefined
  },
})
