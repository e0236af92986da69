import { MantineProvider } from '@mantine/core'
import { render, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { Node, NodeState } from '../api/types'
import { actionsFor } from './actions'
import { chosen, values } from './filter'
import { Utilisation } from './Load'
import { withNames } from './names'
import { astray, kept, sorted } from './order'
import { sparkPath } from './Spark'
import { outline, shapes, StateLabel } from './state'

const node = (state: NodeState, sessions = 0) => ({ name: 'n1', state, sessions })

describe('actions on a node', () => {
  it.each<[NodeState, string[]]>([
    ['running', ['drain', 'terminate']],
    ['draining', ['undrain', 'terminate']],
    ['booting', ['terminate']],
    ['lost', ['terminate']],
    ['terminating', []],
    ['terminated', []],
  ])('%s offers %j', (state, names) => expect(actionsFor(node(state)).map((a) => a.name)).toEqual(names))

  it('terminating a busy node names the sessions and forces; an idle one does not', () => {
    const of = (n: number) => actionsFor(node('running', n)).find((a) => a.name === 'terminate')!
    expect(of(3).force).toBe(true)
    expect(of(3).consequences[0]).toContain('3 sessions are cut off')
    expect(of(1).consequences[0]).toContain('1 session is cut off')
    expect(of(0).force).toBe(false)
    expect(of(0).consequences[0]).toContain('no transfer is interrupted')
  })
})

describe('filters', () => {
  const list = [{ state: 'running', pool: 'idle', zone: 'b' }, { state: 'running', pool: 'high', zone: 'a' }, { state: 'launching', zone: 'b' }, { state: 'lost' }] as Node[]
  it('none means all', () => expect(chosen(list, {})).toBe(list))
  it('several of a group mean either, two groups mean both', () => {
    expect(chosen(list, { state: 'running,lost' })).toHaveLength(3)
    expect(chosen(list, { state: 'running', pool: 'high' })).toEqual([list[1]])
    expect(chosen(list, { zone: 'b' })).toEqual([list[0], list[2]])
  })
  it('what is on its way counts as booting', () => expect(chosen(list, { state: 'booting' })).toEqual([list[2]]))
  it('offers what there is, the most frequent first', () => expect(values(list, (n) => n.zone)).toEqual(['b', 'a']))
})

describe('the order of the list', () => {
  const n = (name: string, sessions: number) => ({ id: name, name, sessions }) as Node
  it('goes by a column either way, and by name where that is equal', () => {
    const list = [n('n10', 1), n('n9', 1), n('n1', 5)]
    expect(sorted(list, 'sessions').map((x) => x.name)).toEqual(['n9', 'n10', 'n1'])
    expect(sorted(list, '-sessions').map((x) => x.name)).toEqual(['n1', 'n10', 'n9'])
    expect(sorted(list, undefined).map((x) => x.name)).toEqual(['n10', 'n9', 'n1'])
  })
  it('does not jump while figures change; new nodes come at the end', () => {
    const order = new Map([['a', 0], ['b', 1], ['c', 2]])
    const rows = kept([n('c', 1), n('d', 0), n('a', 9)], order)
    expect(rows.map((x) => x.name)).toEqual(['a', 'c', 'd'])
    expect(astray(rows, 'sessions')).toBe(true)
    expect(astray(sorted(rows, 'sessions'), 'sessions')).toBe(false)
  })
  it('keeps ten thousand nodes in order', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => n(`n${i}`, i % 97))
    const order = new Map(sorted(list, 'sessions').map((x, i) => [x.id, i]))
    expect(kept(list, order)).toHaveLength(10_000)
    expect(kept(list, order)[0]!.sessions).toBe(0)
  })
})

describe('what is seen', () => {
  it('every state has a shape that closes', () => {
    for (const s of Object.values(shapes)) expect(outline(s, 10)).toMatch(/^M.*Z$/)
  })
  it('no pool depends on colour alone', () => {
    render(<StateLabel state="running" pool="degraded" />)
    expect(screen.getByText(/degraded/).textContent).toContain('degraded')
    expect(screen.getByTitle(/unhealthy/)).toBeTruthy()
  })
  it('the bar names the signal that decided, to readers of every kind', () => {
    const n = { name: 'n1', pool: 'high', utilization: { value: 0.91, signal: 'receive', send: 0.1, receive: 0.91, cpu: 0.2, buffer: 0, sessions: 0.1 } } as Node
    render(
      <MantineProvider>
        <Utilisation node={n} />
      </MantineProvider>,
    )
    expect(screen.getByRole('meter', { name: 'Utilisation of n1' }).getAttribute('aria-valuenow')).toBe('91')
    expect(screen.getByText('receive')).toBeTruthy()
  })
})

describe('sparklines', () => {
  it('end at the right edge and leave missing history empty', () => {
    expect(sparkPath([0, 10], 10, 3, 100, 20)).toBe('M50.0 19.0L100.0 1.0')
    expect(sparkPath([5], 10, 3, 100, 20)).toBe('')
    expect(sparkPath([1, 2], 0, 3, 100, 20)).toBe('')
  })
})

it('reasons speak of nodes by name, as far as they are known', () => {
  const id = '01m80715wrcw6qyzfj6y56qeck'
  expect(withNames(`not moved: ${id} is crowded`, [{ id, name: 'node-1' }])).toBe('not moved: node-1 is crowded')
  expect(withNames(`not moved: ${id} is crowded`, [])).toContain(id)
})
