import { describe, expect, it } from 'vitest'
import { only, parseSearch, safeReturn, stringifySearch, toggled } from './search'

describe('the URL of a view', () => {
  it('stays readable and comes back as it was', () => {
    const text = stringifySearch({ cluster: 'local', state: 'done,failed', empty: '', none: undefined })
    expect(text).toBe('?cluster=local&state=done,failed')
    expect(parseSearch(text)).toEqual({ cluster: 'local', state: 'done,failed' })
  })
  it('keeps numbers as the text they were', () => expect(parseSearch('?q=007')).toEqual({ q: '007' }))
  it('drops what a view does not know', () => expect(only('q')({ q: 'x', other: 'y' })).toEqual({ q: 'x' }))
})

describe('chips', () => {
  it('go on and off, several at a time', () => {
    expect(toggled(undefined, 'a')).toBe('a')
    expect(toggled('a', 'b')).toBe('a,b')
    expect(toggled('a,b', 'a')).toBe('b')
    expect(toggled('b', 'b')).toBeUndefined()
  })
})

describe('coming back after signing in', () => {
  it('returns to a view of the console', () => expect(safeReturn('/transfers?state=failed')).toBe('/transfers?state=failed'))
  it.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/sign-in?from=/x', undefined])('never goes to %s', (from) =>
    expect(safeReturn(from)).toBe('/'),
  )
})
