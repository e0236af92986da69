import { describe, expect, it } from 'vitest'
import { cleaned, faultAt, offered, pairsText, sectionsOf, startOf, textPairs } from './spec'
import { yaml } from './yaml'

const all = ['local', 'aws', 'azure', 'gcp', 'mixed', 'attached']

describe('a template’s form', () => {
  it('leaves out what is empty, and keeps what it does not know', () => {
    expect(cleaned({ node: { send_cap_mbps: 100, max_sessions: '' }, tags: {}, slots: [], future: { a: 1 } })).toEqual({ node: { send_cap_mbps: 100 }, future: { a: 1 } })
  })
  it('keeps zero and false: they mean something', () => expect(cleaned({ a: 0, b: false })).toEqual({ a: 0, b: false }))
  it('reads and writes tags', () => {
    expect(textPairs('team = post\nquery=a=b\n\n')).toEqual({ team: 'post', query: 'a=b' })
    expect(pairsText({ team: 'post', query: 'a=b' })).toBe('team=post\nquery=a=b')
  })
  it('shows what to fill in, as fields or as the beginning of a document', () => {
    for (const p of all) expect(sectionsOf(p).length > 0 || Object.keys(startOf(p, all)).length > 0, p).toBe(true)
  })
  it('offers what the manager has, the simplest first, and what it does not know last', () => expect(offered(['attached', 'aws', 'fog', 'local', 'mixed'])).toEqual(['local', 'aws', 'mixed', 'attached', 'fog']))
  it('begins a mixture with what the manager has', () => {
    expect(startOf('mixed', ['local', 'mixed', 'gcp'])).toEqual({ prefer: 'order', offerings: [{ provider: 'local', max: 0, price_per_hour: 0 }, { provider: 'gcp', max: 0, price_per_hour: 0 }] })
  })
  it('finds what was said of a field, however it is named', () => {
    const faults = [{ location: 'body.spec.node.send_cap_mbps', message: 'is -1' }, { location: 'slots[1]', message: 'names "a" a second time' }]
    expect(faultAt(faults, 'node.send_cap_mbps')).toBe('is -1')
    expect(faultAt(faults, 'slots')).toContain('second time')
    expect(faultAt(faults, 'node')).toBe('is -1')
    expect(faultAt(faults, 'tags')).toBeUndefined()
  })
})

describe('YAML', () => {
  it('nests maps and lists', () => {
    expect(yaml({ kind: 'Template', spec: { node: { cap: 100 }, slots: ['a', 'b'], rows: [{ a: 1, b: 2 }], none: [], empty: {} } })).toBe(
      'kind: Template\nspec:\n  node:\n    cap: 100\n  slots:\n    - a\n    - b\n  rows:\n    - a: 1\n      b: 2\n  none: []\n  empty: {}\n',
    )
  })
  it.each(['yes', 'null', '1.5', '', 'a: b', '- x', "it's #1", '127.0.0.1', '*', 'line\nbreak', 'trailing '])('quotes %j, which would not come back as text', (v) => expect(yaml({ v })).toBe(`v: ${JSON.stringify(v)}\n`))
  it.each(['plain', 'Europe/Berlin', 'a b'])('leaves %j as it is', (v) => expect(yaml({ v })).toBe(`v: ${v}\n`))
})
