import { Button, Modal, NumberInput, TextInput } from '@mantine/core'
import { useState, type FormEvent } from 'react'
import type { Schedule } from '../api/types'
import { Chips } from '../ui/Chips'
import { cronOf, parseCron, weekly } from './cron'
import s from './policy.module.css'
import { knownZone } from './zones'

interface Props {
  value: Schedule
  isNew: boolean
  onKeep: (v: Schedule) => void
  onRemove: () => void
  onClose: () => void
}

const days = [['1', 'Mon'], ['2', 'Tue'], ['3', 'Wed'], ['4', 'Thu'], ['5', 'Fri'], ['6', 'Sat'], ['0', 'Sun']] as const
const two = (n: number) => String(n).padStart(2, '0')

// ScheduleEditor edits one schedule: days and a time where it is weekly, the cron line always.
export function ScheduleEditor({ value, isNew, onKeep, onRemove, onClose }: Props) {
  const [v, setV] = useState(value)
  const set = (change: Partial<Schedule>) => setV((old) => ({ ...old, ...change }))
  const w = weekly(v.cron)
  const faults = {
    cron: parseCron(v.cron) ? undefined : 'has five fields: minute, hour, day of month, month, day of week; 0 8 * * 1-5 is 8:00 on weekdays',
    zone: knownZone(v.time_zone) ? undefined : 'is not a time zone that this browser knows; an IANA name is wanted, such as Europe/Berlin',
    raises: v.min_available > 0 || v.min_idle > 0 ? undefined : 'raises nothing: ask for at least one node',
  }
  const good = !faults.cron && !faults.zone && !faults.raises && v.duration_s >= 60
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (good) onKeep({ ...v, ...(v.name ? { name: v.name.trim() } : {}) })
  }
  return (
    <Modal opened onClose={onClose} title={<strong>{isNew ? 'New schedule' : v.name || 'Schedule'}</strong>} size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit} style={{ display: 'grid', gap: 14 }}>
        <p className="dim">While it is in force, the floors are raised to these numbers. Of several, the largest counts; none lowers anything.</p>
        <TextInput label="Name" description="Reasons speak of it by this name." value={v.name ?? ''} maxLength={63} onChange={(e) => set({ name: e.currentTarget.value })} data-autofocus />
        {w ? (
          <>
            <div className={s.days}>
              <Chips
                label="Days"
                options={days}
                chosen={w.days.join(',')}
                onToggle={(d) => {
                  const n = Number(d)
                  const next = w.days.includes(n) ? w.days.filter((x) => x !== n) : [...w.days, n]
                  if (next.length) set({ cron: cronOf({ ...w, days: next }) })
                }}
              />
            </div>
            <div className={s.fields}>
              <TextInput
                type="time"
                label="From"
               
                value={`${two(w.hour)}:${two(w.minute)}`}
                onChange={(e) => {
                  const [hour, minute] = e.currentTarget.value.split(':').map(Number)
                  if (hour !== undefined && minute !== undefined) set({ cron: cronOf({ ...w, hour, minute }) })
                }}
              />
              <Hours v={v} set={set} />
            </div>
          </>
        ) : (
          <Hours v={v} set={set} />
        )}
        <div className={s.fields}>
          <NumberInput label="Available at least" min={0} allowDecimal={false} value={v.min_available} error={faults.raises} onChange={(n) => set({ min_available: Number(n) })} />
          <NumberInput label="Idle at least" min={0} allowDecimal={false} value={v.min_idle} onChange={(n) => set({ min_idle: Number(n) })} />
          <TextInput label="Time zone" description="Follows its clock changes. Empty is UTC." list="zones" value={v.time_zone} error={faults.zone} onChange={(e) => set({ time_zone: e.currentTarget.value })} />
          <TextInput label="Cron line" description="For all that days and a time cannot say." value={v.cron} error={faults.cron} onChange={(e) => set({ cron: e.currentTarget.value })} styles={{ input: { fontFamily: 'var(--mono)' } }} />
        </div>
        <datalist id="zones">
          {Intl.supportedValuesOf('timeZone').map((z) => (
            <option key={z} value={z} />
          ))}
        </datalist>
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          {isNew ? null : (
            <Button variant="default" c="var(--bad)" onClick={onRemove} mr="auto">
              Remove
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" disabled={!good}>
              {isNew ? 'Add to the draft' : 'Keep in the draft'}
            </Button>
        </div>
      </form>
    </Modal>
  )
}

function Hours({ v, set }: { v: Schedule; set: (c: Partial<Schedule>) => void }) {
  return <NumberInput label="For, hours" min={0.25} max={168} step={0.5} decimalScale={2} value={Math.round(v.duration_s / 36) / 100} onChange={(n) => set({ duration_s: Math.round(Number(n) * 3600) })} />
}
