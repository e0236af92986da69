import { describe, expect, it } from 'vitest'
import { blank, creation, faults, field, limitsOf, wishOf } from './wish'

const good = { ...blank, name: ' acme ', path: '/srv/acme', rate: '500M', sessions: '8' }

describe('a tenant being typed', () => {
  it('is asked for what is missing', () => expect(Object.keys(faults(blank)).sort()).toEqual(['name', 'path']))
  it('is refused what makes no sense', () => {
    expect(Object.keys(faults({ ...good, path: 'srv', rate: 'fast', sessions: '-1', permissions: [] })).sort()).toEqual(['path', 'permissions', 'rate', 'sessions'])
    expect(faults(good)).toEqual({})
  })
  it('becomes what the manager takes', () => {
    expect(creation(good)).toEqual({
      name: 'acme', storage: { type: 'local', path: '/srv/acme' }, permissions: ['read', 'write', 'list', 'delete'],
      limits: { max_rate_bps: 500_000_000, max_sessions: 8 },
    })
    expect(limitsOf(blank)).toEqual({ max_rate_bps: 0, max_sessions: 0 })
  })
  it('comes back from a stored key as it was', () => {
    const key = { name: 'acme', storage: { type: 'local', path: '/a' }, permissions: ['write'], limits: { max_rate_bps: 1_500_000_000 } }
    const w = wishOf(key as never)
    expect(w).toEqual({ name: 'acme', path: '/a', permissions: ['write'], rate: '1.50 Gb/s', sessions: '' })
    expect(limitsOf(w).max_rate_bps).toBe(1_500_000_000)
  })
  it.each([
    ['body.storage', 'path'], ['body.storage.path', 'path'], ['body.name', 'name'], ['body.limits.max_rate_bps', 'rate'], ['query.q', undefined],
  ])('%s is told at the field %s', (at, where) => expect(field(at)).toBe(where))
})
