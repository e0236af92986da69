import { describe, expect, it } from 'vitest'
import { commands, faults, quoted } from './create'

const good = { min: 1, max: 4, capMbps: 200, path: '/srv/files' }

describe('the first run', () => {
  it('accepts what makes sense and names what does not', () => {
    expect(faults(good)).toEqual({})
    expect(Object.keys(faults({ min: 0, max: -1, capMbps: 0, path: 'files' })).sort()).toEqual(['capMbps', 'max', 'min', 'path'])
    expect(faults({ ...good, min: 5 }).max).toContain('not below')
  })
  it('fills in the commands, and keeps the secret out of them', () => {
    const c = commands({ login: 'godwit login https://h:1#sha256=ab --key ak_1 --secret-stdin' }, './my files', 'local')
    expect(c.login).toBe('godwit login https://h:1#sha256=ab --key ak_1')
    expect(c.copy).toBe("godwit cp -r './my files' local:/")
  })
  it.each([
    ['./plain', './plain'],
    ["it's", `'it'\\''s'`],
    ['$(rm -rf ~)', "'$(rm -rf ~)'"],
    ['', "''"],
  ])('quotes %j for a shell', (word, q) => expect(quoted(word)).toBe(q))
})
