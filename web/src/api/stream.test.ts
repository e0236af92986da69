import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { client, onSessionEnd } from './client'
import { apply, matches, topicsOf } from './live'
import { follow, type Handlers } from './stream'
import type { Node, Transfer } from './types'

class FakeSource extends EventTarget {
  static CLOSED = 2
  static all: FakeSource[] = []
  readyState = 0
  onopen?: () => void
  onerror?: () => void
  closed = false
  constructor(readonly url: string) {
    super()
    FakeSource.all.push(this)
  }
  send(kind: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }))
  }
  fail(state: number) {
    this.readyState = state
    this.onerror?.()
  }
  close() {
    this.closed = true
  }
}

const handlers = () => ({ on: vi.fn(), reset: vi.fn(), link: vi.fn() }) satisfies Handlers
const me = (status: number) => vi.spyOn(client, 'GET').mockResolvedValue({ response: new Response(null, { status }) } as never)

beforeEach(() => {
  FakeSource.all = []
  vi.stubGlobal('EventSource', FakeSource)
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('the stream', () => {
  it('asks for its topics and hands events on', () => {
    const h = handlers()
    const stop = follow(['nodes', 'decisions'], h)
    const [source] = FakeSource.all
    expect(source!.url).toBe('/api/v1/events?topics=nodes,decisions')
    source!.onopen?.()
    source!.send('nodes', { at: 'x', nodes: [] })
    source!.send('reset', { reason: 'too much happened meanwhile' })
    expect(h.on).toHaveBeenCalledWith('nodes', { at: 'x', nodes: [] })
    expect(h.reset).toHaveBeenCalledTimes(1)
    stop()
    expect(source!.closed).toBe(true)
  })

  it('leaves short breaks to the browser, which resumes', async () => {
    const h = handlers()
    const stop = follow(['overview'], h)
    FakeSource.all[0]!.fail(0)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(h.link).toHaveBeenLastCalledWith(false)
    expect(FakeSource.all).toHaveLength(1)
    stop()
  })

  it('opens again once the manager answers, and has everything read anew', async () => {
    const h = handlers()
    const get = me(503)
    const stop = follow(['overview'], h)
    FakeSource.all[0]!.fail(FakeSource.CLOSED)
    await vi.advanceTimersByTimeAsync(7_000)
    expect(FakeSource.all).toHaveLength(1)
    get.mockResolvedValue({ response: new Response(null, { status: 200 }) } as never)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(FakeSource.all).toHaveLength(2)
    FakeSource.all[1]!.onopen?.()
    expect(h.reset).toHaveBeenCalledTimes(1)
    expect(h.link).toHaveBeenLastCalledWith(true)
    stop()
  })

  it('an ended session leads to the sign-in instead of another attempt', async () => {
    me(401)
    const ended = vi.fn()
    const forget = onSessionEnd(ended)
    const stop = follow(['overview'], handlers())
    FakeSource.all[0]!.fail(FakeSource.CLOSED)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(ended).toHaveBeenCalledTimes(1)
    expect(FakeSource.all).toHaveLength(1)
    stop()
    forget()
  })
})

describe('events in what was read', () => {
  const node = (id: string, cluster: string, state = 'running') => ({ id, state, cluster: { id: `id-${cluster}`, name: cluster } }) as Node

  it('a new node joins the lists that it belongs to', () => {
    const q = new QueryClient()
    for (const f of [{ cluster: undefined }, { cluster: 'a' }, { cluster: 'b' }, { q: 'x' }]) q.setQueryData(['nodes', f], [])
    apply(q, 'nodes', { at: '', nodes: [node('1', 'a')] })
    const sizes = q.getQueriesData<Node[]>({ queryKey: ['nodes'] }).map(([, list]) => list?.length)
    expect(sizes).toEqual([1, 1, 0, 0])
  })

  it('a live transfer shows only where the filters want it', () => {
    const t = { id: 't1', name: 'Reel', state: 'running', direction: 'push', access_key: 'k', nodes: [{ id: 'n' }], cluster: { id: 'c', name: 'local' } } as Transfer
    for (const f of [{}, { cluster: 'local' }, { direction: 'push' }, { node: 'n' }, { q: 'reel' }, { state: 'running,done' }]) expect(matches(f, t)).toBe(true)
    for (const f of [{ cluster: 'x' }, { direction: 'pull' }, { node: 'm' }, { q: 'zz' }, { state: 'done' }, { access_key: 'l' }]) expect(matches(f, t)).toBe(false)
  })

  it('each screen follows what it shows', () => {
    expect(topicsOf('/')).toContain('overview')
    expect(topicsOf('/nodes/x')).toContain('nodes')
    expect(topicsOf('/transfers')).not.toContain('overview')
    expect(topicsOf('/activity')).toEqual(['decisions'])
  })
})
