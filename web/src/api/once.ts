// once gives every POST an Idempotency-Key, so that what somebody asks for is done once. The same request sent again
// while it has no answer, by a second click or because the answer was lost, carries the same key and gets the answer
// to the first; what is asked for after an answer is another thing and has a key of its own.

type Send = (request: Request) => Promise<Response>

interface Asked {
  key: string
  at: number
  running: number
}

const header = 'Idempotency-Key'
// The manager keeps answers for a day; who comes back later than this means it anew.
const lastsMs = 10 * 60_000
// waits are how long to leave a first request that is still carried out; then it is said.
const waits = 10

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

// random is 128 bits. randomUUID is only there in secure contexts.
const random = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')

export function once(send: Send, now: () => number = Date.now): Send {
  const open = new Map<string, Asked>()

  return async (request) => {
    if (request.method !== 'POST') return send(request)
    const what = `${request.url}\n${request.headers.get('If-Match') ?? ''}\n${await request.clone().text()}`
    for (const [k, a] of open) if (!a.running && now() - a.at > lastsMs) open.delete(k)
    const asked = open.get(what) ?? { key: random(), at: now(), running: 0 }
    open.set(what, asked)
    asked.running++
    try {
      for (let i = 0; ; i++) {
        const again = request.clone()
        again.headers.set(header, asked.key)
        const response = await send(again)
        if (i < waits && (await runs(response))) {
          await pause(1000 * Number(response.headers.get('Retry-After') ?? 1))
          continue
        }
        // What the manager failed at may have happened all the same: the key stays for another try.
        if (response.status < 500 && open.get(what) === asked) open.delete(what)
        return response
      }
    } finally {
      asked.running--
      asked.at = now()
    }
  }
}

// runs says that the first request with this key is still being carried out.
async function runs(response: Response): Promise<boolean> {
  if (response.status !== 409 || !response.headers.has('Retry-After')) return false
  const problem = (await response.clone().json().catch(() => undefined)) as { code?: string } | undefined
  return problem?.code === 'in_progress'
}
