import { NumberInput, Radio, Switch } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { Field } from './fields'
import s from './policy.module.css'
import { unitOf, units, type Unit } from './seconds'

interface Props {
  field: Field
  value: unknown
  error?: string | undefined
  warning?: string | undefined // allowed, and likely not meant
  changed: boolean
  onChange: (v: unknown) => void
}

// What a field means stands below it, so that inputs side by side line up.
const below: ('label' | 'input' | 'error' | 'description')[] = ['label', 'input', 'error', 'description']

// FieldInput is one value of a policy with what it means; a value that differs from the stored one is marked.
export function FieldInput({ field: f, value, error, warning, changed, onChange }: Props) {
  const help = warning && !error ? <Warned help={f.help} warning={warning} /> : f.help
  const common = { label: f.label, description: help, error, inputWrapperOrder: below }
  const mark = changed ? 'yes' : undefined
  switch (f.kind) {
    case 'switch':
      return <Switch label={f.label} description={help} error={error} data-changed={mark} className={s.field} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />
    case 'choice':
      return (
        <Radio.Group label={f.label} description={help} error={error} data-changed={mark} className={`${s.field} ${s.wide}`} value={String(value)} onChange={onChange}>
          <div className="row" style={{ marginTop: 8, gap: 16 }}>
            {(f.choices ?? []).map(([v, label]) => (
              <Radio key={v} value={v} label={label} />
            ))}
          </div>
        </Radio.Group>
      )
    case 'seconds':
      return <Seconds field={f} help={help} seconds={Number(value)} error={error} mark={mark} onChange={onChange} />
    case 'share':
      return (
        <NumberInput
          {...common}
          data-changed={mark}
          className={s.field}
          suffix=" %"
          decimalScale={1}
          min={(f.min ?? 0) * 100}
          max={(f.max ?? 1) * 100}
          value={Math.round(Number(value) * 1000) / 10}
          onChange={(v) => onChange(Math.round(Number(v) * 10) / 1000)}
        />
      )
    default:
      return (
        <NumberInput
          {...common}
          data-changed={mark}
          className={s.field}
          allowDecimal={f.kind === 'mbps'}
          {...(f.kind === 'mbps' && { suffix: ' Mb/s' })}
          {...(f.min !== undefined && { min: f.min })}
          {...(f.max !== undefined && { max: f.max })}
          value={Number(value)}
          onChange={(v) => onChange(Number(v))}
        />
      )
  }
}

const Warned = ({ help, warning }: { help: string; warning: string }) => (
  <>
    <span className={s.warned}>{warning}</span> {help}
  </>
)

interface SecondsProps {
  field: Field
  help: ReactNode
  seconds: number
  error: string | undefined
  mark: string | undefined
  onChange: (v: number) => void
}

// Seconds is a duration in the unit that suits it; changing the unit keeps the duration.
function Seconds({ field: f, help, seconds, error, mark, onChange }: SecondsProps) {
  const [picked, setPicked] = useState<Unit>()
  const unit = picked ?? unitOf(seconds)
  return (
    <NumberInput
      label={f.label}
      description={help}
      error={error}
     
      inputWrapperOrder={below}
      data-changed={mark}
      className={s.field}
      min={0}
      value={seconds / units[unit]}
      onChange={(v) => onChange(Math.round(Number(v) * units[unit]))}
      rightSectionWidth={66}
      rightSection={
        <select className={s.unit} aria-label={`Unit of ${f.label}`} value={unit} onChange={(e) => setPicked(e.currentTarget.value as Unit)}>
          {Object.keys(units).map((u) => (
            <option key={u}>{u}</option>
          ))}
        </select>
      }
    />
  )
}
