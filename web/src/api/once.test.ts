import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { once } from './once'

// manager does what it is asked once per key, as the real one does; lost answers are those that never arrive.
function manager() {
  const answers = new Map<string, string>()
  const m = {
    made: [] as string[],
    keys: [] as (string | null)[],
    lose: 0,
    fail: 0,
    busy: 0,
    hold: undefined as Promise<unknown> | undefined,
    send: async (r: Request): Promise<Response> => {
      const key = r.headers.get('Idempotency-Key')
      m.keys.push(key)
      if (r.method !== 'POST') return new Response('{}')
      const body = await r.text()
      if (m.busy > 0 && m.busy--) return Response.json({ code: 'in_progress' }, { status: 409, headers: { 'Retry-After': '1' } })
      if (!key || !answers.has(key)) {
        m.made.push(body)
        if (key) answers.set(key, `${body} ${m.made.length}`)
      }
      await m.hold
      if (m.lose > 0 && m.lose--) throw new TypeError('Failed to fetch')
      if (m.fail > 0 && m.fail--) return new Response('', { status: 502 })
      return new Response(answers.get(key ?? ''), { status: 201 })
    },
  }
  return m
}

const ask = (body: string, method = 'POST') => new Request('https://m/api/v1/clusters', { method, ...(method === 'POST' && { body }) })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('does once what is asked twice before the first answer', async () => {
  const m = manager()
  let go = () => {}
  m.hold = new Promise<void>((done) => (go = done))
  const send = once(m.send)
  const both = [send(ask('a')), send(ask('a'))]
  await vi.advanceTimersByTimeAsync(0)
  go()
  const [x, y] = await Promise.all(both.map(async (r) => (await r).text()))
  expect(m.made).toEqual(['a'])
  expect([x, y]).toEqual(['a 1', 'a 1'])
})

it.each(['lose', 'fail'] as const)('does not do again what may have happened: %s', async (how) => {
  const m = manager()
  const send = once(m.send)
  m[how] = 1
  await send(ask('a')).catch(() => undefined)
  expect(await (await send(ask('a'))).text()).toBe('a 1')
  expect(m.made).toEqual(['a'])
})

it('does what is asked for anew, or otherwise', async () => {
  const m = manager()
  const send = once(m.send)
  for (const body of ['a', 'a', 'b']) await send(ask(body))
  m.lose = 1
  await send(ask('a')).catch(() => undefined)
  await send(ask('b'))
  expect(m.made).toEqual(['a', 'a', 'b', 'a', 'b'])
  expect(new Set(m.keys).size).toBe(5)
})

it('takes a lost request for another after a while', async () => {
  const m = manager()
  let now = 0
  const send = once(m.send, () => now)
  m.lose = 1
  await send(ask('a')).catch(() => undefined)
  now = 11 * 60_000
  await send(ask('a'))
  expect(m.made).toEqual(['a', 'a'])
})

it('waits for the first request where it is still carried out', async () => {
  const m = manager()
  m.busy = 2
  const answer = once(m.send)(ask('a'))
  await vi.advanceTimersByTimeAsync(2000)
  expect((await answer).status).toBe(201)
  expect(new Set(m.keys).size).toBe(1)
})

it('leaves reading alone', async () => {
  const m = manager()
  await once(m.send)(ask('', 'GET'))
  expect(m.keys).toEqual([null])
})
