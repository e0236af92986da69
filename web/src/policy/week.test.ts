import { describe, expect, it } from 'vitest'
import { cronOf, onDay, parseCron, weekly } from './cron'
import { drawn, fires, slots, week } from './week'
import { instant, wall } from './zones'

const h = 3_600_000

describe('cron lines', () => {
  it.each(['', '0 8 * *', '60 8 * * *', '0 24 * * *', '0 8 0 * *', '0 8 * * 7', '0 8-6 * * *', 'x 8 * * *', '*/0 * * * *'])('%j is none', (text) => expect(parseCron(text)).toBeUndefined())
  it('reads lists, ranges, steps and names', () => {
    const c = parseCron('*/15 8-10,20 * jan-mar mon,fri')!
    expect([...c.minutes]).toEqual([0, 15, 30, 45])
    expect([...c.hours]).toEqual([8, 9, 10, 20])
    expect([...c.months]).toEqual([1, 2, 3])
    expect([...c.weekdays]).toEqual([1, 5])
  })
  it('comes on either kind of day when both are restricted', () => {
    const c = parseCron('0 0 13 * fri')!
    expect(onDay(c, 3, 13, 2)).toBe(true)
    expect(onDay(c, 3, 14, 5)).toBe(true)
    expect(onDay(c, 3, 14, 2)).toBe(false)
  })
  it('a weekly one goes to the editor and comes back', () => {
    expect(weekly('30 8 * * 1-5')).toEqual({ days: [1, 2, 3, 4, 5], hour: 8, minute: 30 })
    expect(cronOf({ days: [5, 1, 2, 3], hour: 8, minute: 30 })).toBe('30 8 * * 1-3,5')
    expect(cronOf({ days: [0, 1, 2, 3, 4, 5, 6], hour: 0, minute: 0 })).toBe('0 0 * * *')
    for (const other of ['*/5 8 * * 1', '0 8 1 * *', '0 8 * 1 *']) expect(weekly(other)).toBeUndefined()
  })
})

describe('zones', () => {
  it('a wall clock names its instant', () => {
    expect(instant('Europe/Berlin', 2026, 7, 1, 8)).toBe(Date.UTC(2026, 6, 1, 6))
    expect(instant('Europe/Berlin', 2026, 1, 1, 8)).toBe(Date.UTC(2026, 0, 1, 7))
    expect(wall('Asia/Kolkata', Date.UTC(2026, 0, 1, 0)).minute).toBe(30)
  })
  it('a skipped hour comes after the gap, a doubled one first', () => {
    expect(instant('Europe/Berlin', 2026, 3, 29, 2, 30)).toBe(Date.UTC(2026, 2, 29, 1, 30))
    expect(instant('Europe/Berlin', 2026, 10, 25, 2, 30)).toBe(Date.UTC(2026, 9, 25, 0, 30))
  })
})

describe('the week', () => {
  const now = Date.UTC(2026, 9, 22, 10) // a Thursday; clocks change on Sunday in Berlin
  const days = week('Europe/Berlin', now)
  it('begins today and knows the long day', () => {
    expect(days.map((d) => d.weekday)).toEqual([4, 5, 6, 0, 1, 2, 3])
    expect(days.map((d) => (d.until - d.from) / h)).toEqual([24, 24, 24, 25, 24, 24, 24])
  })
  it('cuts what goes over midnight, and keeps it one schedule', () => {
    const night = { cron: '0 22 * * 5', time_zone: 'Europe/Berlin', duration_s: 4 * 3600, min_available: 3, min_idle: 0 }
    expect(slots([night], days).map((x) => [x.day, x.left, x.width * 24])).toEqual([
      [1, 22 / 24, 2],
      [2, 0, 2],
    ])
  })
  it('draws another zone where it falls here', () => {
    const [at] = fires({ cron: '0 9 * * 5', time_zone: 'America/New_York' }, days[0]!.from, days[6]!.until)
    expect(at).toBe(Date.UTC(2026, 9, 23, 13))
  })
  it('leaves out what is not valid', () => {
    expect(fires({ cron: '0 8 * * *', time_zone: 'Mars/Olympus' }, now, now + 7 * 24 * h)).toEqual([])
    expect(fires({ cron: '0 8 31 2 *', time_zone: '' }, now, now + 7 * 24 * h)).toEqual([])
  })
  it('a stroke over a day becomes a schedule of quarters of an hour', () => {
    expect(drawn(days[1]!, 8.1 / 24, 11.9 / 24, 'Europe/Berlin')).toEqual({ cron: '0 8 * * 5', time_zone: 'Europe/Berlin', duration_s: 4 * 3600 })
    expect(drawn(days[1]!, 0.999, 1.5, 'Europe/Berlin').duration_s).toBe(900)
  })
})
