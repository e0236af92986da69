// The next seven days of a policy's schedules, ready to be drawn.
import type { Schedule } from '../api/types'
import { onDay, parseCron } from './cron'
import { instant, knownZone, wall } from './zones'

export interface Day {
  from: number // milliseconds
  until: number
  weekday: number // 0 is Sunday
  label: string
}

export interface Slot {
  schedule: number // its place in the policy
  day: number // its place in the week
  left: number // share of the day
  width: number
  from: number
  until: number
}

const dayMs = 86_400_000
const names = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

// week are seven days of a zone, beginning with today's. A day of a clock change is shorter or longer than others.
export function week(zone: string, now: number): Day[] {
  const w = wall(zone, now)
  return Array.from({ length: 7 }, (_, i) => {
    const noon = new Date(Date.UTC(w.year, w.month - 1, w.day + i, 12))
    const [year, month, day] = [noon.getUTCFullYear(), noon.getUTCMonth() + 1, noon.getUTCDate()] as const
    const next = new Date(noon.getTime() + dayMs)
    return {
      from: instant(zone, year, month, day),
      until: instant(zone, next.getUTCFullYear(), next.getUTCMonth() + 1, next.getUTCDate()),
      weekday: noon.getUTCDay(),
      label: `${names[noon.getUTCDay()]} ${day}.`,
    }
  })
}

const most = 1000

// fires are the instants at which a schedule begins within a stretch of time.
export function fires(s: Pick<Schedule, 'cron' | 'time_zone'>, from: number, until: number): number[] {
  const c = parseCron(s.cron)
  if (!c || !knownZone(s.time_zone)) return []
  const out: number[] = []
  const first = wall(s.time_zone, from - dayMs)
  for (let i = 0; i <= Math.ceil((until - from) / dayMs) + 2; i++) {
    const d = new Date(Date.UTC(first.year, first.month - 1, first.day + i, 12))
    if (!onDay(c, d.getUTCMonth() + 1, d.getUTCDate(), d.getUTCDay())) continue
    for (const h of c.hours) {
      for (const m of c.minutes) {
        const at = instant(s.time_zone, d.getUTCFullYear(), d.getUTCMonth() + 1, d.getUTCDate(), h, m)
        if (at >= from && at < until) out.push(at)
        if (out.length >= most) return out
      }
    }
  }
  return out.sort((a, b) => a - b)
}

// slots are the parts of the week in which schedules are in force, cut at midnight.
export function slots(schedules: readonly Schedule[], days: readonly Day[]): Slot[] {
  const out: Slot[] = []
  const begin = days[0]!.from
  const end = days.at(-1)!.until
  schedules.forEach((s, schedule) => {
    const length = s.duration_s * 1000
    if (!(length > 0)) return
    for (const from of fires(s, begin - length, end)) {
      const until = from + length
      days.forEach((d, day) => {
        const a = Math.max(from, d.from)
        const b = Math.min(until, d.until)
        if (a < b) out.push({ schedule, day, left: (a - d.from) / (d.until - d.from), width: (b - a) / (d.until - d.from), from, until })
      })
    }
  })
  return out
}

// drawn is the schedule of a stroke over a day, snapped to quarters of an hour, at least one.
export function drawn(day: Day, a: number, b: number, zone: string): Pick<Schedule, 'cron' | 'time_zone' | 'duration_s'> {
  const snap = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * 96)
  const first = Math.min(snap(Math.min(a, b)), 95)
  const last = Math.max(first + 1, snap(Math.max(a, b)))
  const w = wall(zone, day.from + (first / 96) * (day.until - day.from))
  return { cron: `${w.minute} ${w.hour} * * ${day.weekday}`, time_zone: zone, duration_s: (last - first) * 900 }
}
