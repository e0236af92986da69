import { Button } from '@mantine/core'
import { useMemo, useState, type PointerEvent } from 'react'
import type { Interval, Schedule } from '../api/types'
import { plural, span } from '../format/format'
import s from './policy.module.css'
import { ScheduleEditor } from './ScheduleEditor'
import { drawn, slots, week, type Day, type Slot } from './week'
import { ownZone } from './zones'

interface Props {
  schedules: Schedule[]
  floors: { min_available: number; min_idle: number }
  error: (field: string) => string | undefined // of "schedules[0].cron" and the like
  warnings: readonly { field: string; text: string }[]
  floorsAhead: readonly Interval[]
  onChange: (schedules: Schedule[]) => void
}

const hourLabels = ['0', '6', '12', '18', '24']

// Schedules are drawn on the next seven days; a stroke over a free hour adds one, a click on one edits it.
export function Schedules({ schedules, floors, error, warnings, floorsAhead, onChange }: Props) {
  const [zone, setZone] = useState(ownZone)
  const [editing, setEditing] = useState<{ at: number; value: Schedule }>()
  const today = Math.floor(Date.now() / 600_000) * 600_000
  const days = useMemo(() => week(zone, today), [zone, today])
  const parts = useMemo(() => slots(schedules, days), [schedules, days])
  const fresh = (over: Partial<Schedule>): Schedule => ({ name: '', cron: '0 8 * * 1-5', time_zone: zone, duration_s: 4 * 3600, min_available: floors.min_available + 1, min_idle: floors.min_idle, ...over })
  const keep = (value: Schedule) => {
    if (!editing) return
    onChange(editing.at < schedules.length ? schedules.map((x, i) => (i === editing.at ? value : x)) : [...schedules, value])
    setEditing(undefined)
  }
  const own = ownZone()
  return (
    <div style={{ display: 'grid', gap: 12 }}>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <div className="row" role="group" aria-label="Time zone of the week">
          {[...new Set([own, 'UTC', ...schedules.map((x) => x.time_zone || 'UTC')])].map((z) => (
            <Button key={z} size="compact-xs" variant={z === zone ? 'light' : 'subtle'} aria-pressed={z === zone} onClick={() => setZone(z)}>
              {z}
            </Button>
          ))}
        </div>
        <Button size="xs" variant="default" onClick={() => setEditing({ at: schedules.length, value: fresh({}) })}>
          Add schedule…
        </Button>
      </div>
      <div className={s.week} role="group" aria-label={`The next seven days in ${zone}`}>
        {days.map((d, i) => (
          <Lane
            key={d.from}
            day={d}
            today={i === 0}
            slots={parts.filter((p) => p.day === i)}
            schedules={schedules}
            onDraw={(a, b) => setEditing({ at: schedules.length, value: fresh(drawn(d, a, b, zone)) })}
            onOpen={(at) => setEditing({ at, value: schedules[at]! })}
          />
        ))}
        <div className={s.hours} aria-hidden="true">
          {hourLabels.map((x) => (
            <span key={x}>{x}</span>
          ))}
        </div>
      </div>
      {schedules.length ? (
        <ul className={s.ready}>
          {schedules.map((x, i) => (
            <li key={i}>
              <span>
                <strong>{x.name || `Schedule ${i + 1}`}</strong> <code>{x.cron}</code> {x.time_zone || 'UTC'}, for {span(x.duration_s)}: {plural(x.min_available, 'node')} available
                {x.min_idle ? `, ${x.min_idle} idle` : ''}
              </span>
              <span className="row">
                {['cron', 'time_zone', 'duration_s', 'min_available', 'min_idle'].map((f) => error(`schedules[${i}].${f}`)).filter(Boolean).map((t) => (
                  <span key={t} style={{ color: 'var(--bad)' }}>{t}</span>
                ))}
                {warnings.filter((x) => x.field.startsWith(`schedules[${i}]`)).map((x) => (
                  <span key={x.text} className={s.warned}>{x.text}</span>
                ))}
                {parts.some((p) => p.schedule === i) ? null : <span className="dim">not in these seven days</span>}
                <Button size="compact-xs" variant="default" aria-label={`Edit ${x.name || `schedule ${i + 1}`}`} onClick={() => setEditing({ at: i, value: x })}>
                    Edit
                  </Button>
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="dim">
          No schedule raises the floors. Draw one: press on a day where it begins, and pull to where it ends.
        </p>
      )}
      <Ahead intervals={floorsAhead} zone={zone} />
      {editing ? (
        <ScheduleEditor
          value={editing.value}
          isNew={editing.at >= schedules.length}
          onKeep={keep}
          onRemove={() => {
            onChange(schedules.filter((_, i) => i !== editing.at))
            setEditing(undefined)
          }}
          onClose={() => setEditing(undefined)}
        />
      ) : null}
    </div>
  )
}

// Ahead says when the floors change next.
function Ahead({ intervals, zone }: { intervals: readonly Interval[]; zone: string }) {
  const now = Date.now()
  const next = intervals.find((x) => Date.parse(x.until) > now && x.schedules.length > 0)
  if (!next) return null
  const clock = (at: string) => new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit', timeZone: zone }).format(new Date(at))
  const begun = Date.parse(next.from) <= now
  return (
    <p className="dim">
      {begun ? 'Now' : `Next, ${clock(next.from)}`}: {next.schedules.join(' and ')} ask{next.schedules.length === 1 ? 's' : ''} for {plural(next.min_available, 'node')} available{next.min_idle ? ` and ${next.min_idle} idle` : ''} until {clock(next.until)} ({zone}).
    </p>
  )
}

interface LaneProps {
  day: Day
  today: boolean
  slots: Slot[]
  schedules: Schedule[]
  onDraw: (a: number, b: number) => void
  onOpen: (schedule: number) => void
}

function Lane({ day, today, slots: parts, schedules, onDraw, onOpen }: LaneProps) {
  const [stroke, setStroke] = useState<{ a: number; b: number }>()
  const share = (e: PointerEvent) => {
    const box = e.currentTarget.getBoundingClientRect()
    return (e.clientX - box.left) / box.width
  }
  return (
    <>
      <span className={s.day} data-today={today ? 'yes' : undefined}>
        {day.label}
      </span>
      <div
        className={s.lane}
        data-draw="yes"
        onPointerDown={(e) => {
          if (e.target !== e.currentTarget) return
          e.currentTarget.setPointerCapture(e.pointerId)
          const at = share(e)
          setStroke({ a: at, b: at })
        }}
        onPointerMove={(e) => stroke && setStroke({ ...stroke, b: share(e) })}
        onPointerCancel={() => setStroke(undefined)}
        onPointerUp={() => {
          if (stroke) onDraw(stroke.a, stroke.b)
          setStroke(undefined)
        }}
      >
        {parts.map((p) => {
          const x = schedules[p.schedule]!
          const name = x.name || `≥ ${x.min_available}`
          return (
            <button
              key={`${p.schedule}-${p.from}`}
              type="button"
              className={s.slot}
              style={{ left: `${p.left * 100}%`, width: `${Math.max(0.6, p.width * 100)}%` }}
              title={`${x.name || x.cron}: at least ${x.min_available} available, ${x.min_idle} idle`}
              aria-label={`${x.name || x.cron}, ${day.label}: at least ${x.min_available} available, ${x.min_idle} idle`}
              onClick={() => onOpen(p.schedule)}
            >
              {name}
            </button>
          )
        })}
        {stroke ? <i className={s.slot} data-ghost="yes" style={{ left: `${Math.max(0, Math.min(stroke.a, stroke.b)) * 100}%`, width: `${Math.abs(stroke.b - stroke.a) * 100}%` }} /> : null}
      </div>
    </>
  )
}
