import { describe, expect, it } from 'vitest'
import type { ClusterCertificate } from '../api/types'
import { end, faultOf, origin } from './shown'

const of = (more: Partial<ClusterCertificate> = {}): ClusterCertificate => ({
  source: 'uploaded',
  names: [],
  uncovered: [],
  certificate: { names: ['a.example.org'], issuer: 'CN=x', sha256: 'ab', not_before: '2026-01-01T00:00:00Z', not_after: '2026-04-01T00:00:00Z' },
  ...more,
})

describe('certificate of a cluster', () => {
  it('ends in good time, soon, or has ended', () => {
    const at = (t: string) => end(of(), Date.parse(t))
    expect(at('2026-01-02T00:00:00Z')).toEqual({ tone: 'good', text: '89 days left' })
    expect(at('2026-03-20T00:00:00Z')).toEqual({ tone: 'warn', text: '12 days left' })
    expect(at('2026-03-31T21:00:00Z')).toEqual({ tone: 'warn', text: '3 h left' })
    expect(at('2026-04-01T00:00:00Z')?.tone).toBe('bad')
    expect(end({ source: 'none', names: [], uncovered: [] }, 0)).toBeUndefined()
  })
  it('says where it comes from, and that an ordered one may be on its way', () => {
    expect(origin(of())).toBe('Uploaded here.')
    expect(origin(of({ source: 'ordered' }))).toContain('renewed')
    expect(origin({ source: 'ordered', names: [], uncovered: [] })).toContain('Being ordered')
  })
  it('tells a key from a chain before anything is sent', () => {
    const chain = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----'
    const key = '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----'
    expect([faultOf('chain', ''), faultOf('chain', chain), faultOf('key', key)]).toEqual([undefined, undefined, undefined])
    expect(faultOf('chain', key)).toContain('private key')
    expect(faultOf('chain', 'hello')).toContain('no certificate')
    expect(faultOf('key', chain)).toContain('no private key')
    expect(faultOf('key', key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'))).toContain('passphrase')
  })
})
