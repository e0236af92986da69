import { describe, expect, it } from 'vitest'
import { ago, count, parseRate, percent, plural, rate, size, span, tick } from './format'

describe('rates and sizes', () => {
  it.each([
    [0, '0 b/s'],
    [999, '999 b/s'],
    [999.7, '1.00 kb/s'],
    [1_250_000_000, '1.25 Gb/s'],
    [46_900_000, '46.9 Mb/s'],
    [99_960_000, '100 Mb/s'],
    [999_600_000, '1.00 Gb/s'],
  ])('%d b/s reads %s', (n, text) => expect(rate(n)).toBe(text))

  it('sizes are bytes, rates are bits', () => expect(size(1_500)).toBe('1.50 kB'))
  it('an axis shows a direction as distance from its middle', () => expect(tick(-200e6)).toBe('200 Mb/s'))
  it('groups thousands without a comma that could be a decimal point', () => expect(count(1_234_567)).toBe('1 234 567'))
  it('a small share does not read as none', () => expect([percent(0), percent(0.004), percent(0.825)]).toEqual(['0 %', '0.4 %', '83 %']))
  it('counts one thing in the singular', () => expect([plural(1, 'launch', 'launches'), plural(2, 'launch', 'launches')]).toEqual(['1 launch', '2 launches']))
})

describe('durations', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [61, '1 min 1 s'],
    [3_600, '1 h'],
    [7_500, '2 h 5 min'],
    [90_000, '1 d 1 h'],
    [864_000, '10 d'],
  ])('%d s is %s', (s, text) => expect(span(s)).toBe(text))

  it('reads minutes without seconds once seconds do not matter', () => {
    const now = Date.parse('2026-01-01T00:10:00Z')
    expect(ago('2026-01-01T00:07:13Z', now)).toBe('2 min ago')
    expect(ago('2026-01-01T00:09:59.500Z', now)).toBe('now')
    expect(ago('2026-01-01T00:10:30Z', now)).toBe('in 30 s')
  })
})

describe('parseRate', () => {
  it.each([
    ['500M', 5e8],
    ['1.2 Gb/s', 1.2e9],
    ['250000', 250_000],
    ['10 kbit/s', 10_000],
    ['', 0],
  ])('%s is %d', (text, n) => expect(parseRate(text)).toBe(n))

  it.each(['fast', '10 apples', '-5M', '1e9'])('refuses %s', (text) => expect(parseRate(text)).toBeNaN())

  it('reads what rate writes', () => expect(parseRate(rate(46_900_000))).toBe(46_900_000))
})
