import { describe, expect, it } from 'vitest'
import { nextChange } from './next'

const at = (h: number) => new Date(Date.UTC(2026, 0, 1, h)).toISOString()
const interval = (from: number, until: number, schedules: string[], min = 4, idle = 0) => ({ from: at(from), until: at(until), min_available: min, min_idle: idle, schedules })
const week = [interval(0, 10, [], 2), interval(10, 14, ['day'], 6), interval(14, 18, [], 2), interval(18, 24, ['evening', 'premiere'], 8, 1)]

describe('the next scheduled change', () => {
  it.each([
    [8, { at: at(10), text: 'day: at least 6 available' }],
    [10, { at: at(14), text: 'the policy’s own minima again: at least 2 available' }],
    [15, { at: at(18), text: 'evening and premiere: at least 8 available, 1 idle' }],
    [18, undefined],
  ])('seen at %d h', (h, next) => expect(nextChange(week, Date.UTC(2026, 0, 1, h))).toEqual(next))
  it('is none without schedules', () => expect(nextChange([], 0)).toBeUndefined())
})
