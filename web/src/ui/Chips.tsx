import s from './chips.module.css'

interface Props {
  label: string
  options: readonly (readonly [value: string, text: string])[]
  chosen: string | undefined // comma-separated
  onToggle: (value: string) => void
}

// Chips filter a list; several of one group mean either.
export function Chips({ label, options, chosen, onToggle }: Props) {
  const on = new Set(chosen?.split(','))
  return (
    <div className={s.chips} role="group" aria-label={label}>
      {options.map(([value, text]) => (
        <button key={value} type="button" className={s.chip} aria-pressed={on.has(value)} onClick={() => onToggle(value)}>
          {text}
        </button>
      ))}
    </div>
  )
}

// Filter is a chip for a value that no group offers, such as one node: it can only be taken off.
export function Filter({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <button type="button" className={s.chip} aria-pressed="true" onClick={onRemove} aria-label={`Remove filter ${text}`}>
      {text} ×
    </button>
  )
}
