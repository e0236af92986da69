import { NumberInput, Textarea, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import { valueAt, withValue } from '../policy/draft'
import { Chips } from '../ui/Chips'
import { Copy } from '../ui/Copy'
import { Panel } from '../ui/Page'
import { faultAt, pairsText, sectionsOf, textLines, textPairs, type Spec, type SpecField } from './spec'
import s from './templates.module.css'
import { yaml } from './yaml'

interface Props {
  name: string
  provider: string
  spec: Spec
  faults: readonly { location: string; message: string }[]
  readOnly: boolean
  onChange: (spec: Spec) => void
  /** Told why what is typed as JSON is none, and undefined once it is. */
  onBroken: (fault: string | undefined) => void
}

// SpecForm is a template's specification: in sections where the provider is known, as JSON always.
export function SpecForm({ name, provider, spec, faults, readOnly, onChange, onBroken }: Props) {
  const sections = sectionsOf(provider)
  const [view, setView] = useState(sections.length ? 'form' : 'json')
  const [fault, setFault] = useState<string>()
  const broken = (f: string | undefined) => {
    setFault(f)
    onBroken(f)
  }
  useEffect(() => () => onBroken(undefined), [onBroken])
  const whole = faults.filter((f) => f.location.replace(/^body\.?/, '').replace(/^spec\.?/, '') === '')
  return (
    <>
      <div className={s.bar}>
        <Chips label="View" options={[['form', 'Form'], ['json', 'JSON'], ['yaml', 'YAML']]} chosen={view} onToggle={(v) => fault || setView(v)} />
        {fault ? <span className="dim">Mend the JSON to see it otherwise.</span> : null}
      </div>
      {whole.map((f) => (
        <p key={f.message} style={{ color: 'var(--bad)' }}>
          It {f.message}
        </p>
      ))}
      {view === 'form' ? (
        sections.length ? (
          sections.map((x) => (
            <Panel key={x.title} title={x.title}>
              <div className={s.fields}>
                {x.fields.map((f) => (
                  <Input key={f.path} field={f} value={valueAt(spec, f.path)} error={faultAt(faults, f.path)} readOnly={readOnly} onChange={(v) => onChange(withValue(spec, f.path, v))} />
                ))}
              </div>
            </Panel>
          ))
        ) : (
          <Panel>
            <p className="dim">This console has no form for the provider {provider}: edit it as JSON.</p>
          </Panel>
        )
      ) : view === 'json' ? (
        <Json spec={spec} readOnly={readOnly} onChange={onChange} fault={fault} onBroken={broken} />
      ) : (
        <Panel title="For godwit apply -f FILE" aside={<Copy text={document(name, provider, spec)} what="YAML" />}>
          <pre className={s.code} tabIndex={0}>
            {document(name, provider, spec)}
          </pre>
        </Panel>
      )}
    </>
  )
}

const document = (name: string, provider: string, spec: Spec): string => yaml({ kind: 'Template', name: name || 'NAME', provider, spec })

// What a field means stands below it, so that inputs side by side line up.
const below: ('label' | 'input' | 'error' | 'description')[] = ['label', 'input', 'error', 'description']

interface InputProps {
  field: SpecField
  value: unknown
  error: string | undefined
  readOnly: boolean
  onChange: (v: unknown) => void
}

function Input({ field: f, value, error, readOnly, onChange }: InputProps) {
  const common = { label: f.label, description: f.help, error, readOnly, ...(readOnly && { variant: 'unstyled' as const }), inputWrapperOrder: below }
  if (f.kind === 'number') {
    return (
      <NumberInput
        {...common}
        hideControls={readOnly}
        min={0}
        allowDecimal={!f.whole}
        {...(f.unit && { suffix: ` ${f.unit}` })}
        {...(f.placeholder && { placeholder: f.placeholder })}
        value={typeof value === 'number' ? value : ''}
        onChange={(v) => onChange(v === '' ? undefined : Number(v))}
      />
    )
  }
  if (f.kind === 'text') return <TextInput {...common} placeholder={f.placeholder ?? ''} value={typeof value === 'string' ? value : ''} onChange={(e) => onChange(e.currentTarget.value)} />
  const [show, read] = f.kind === 'list' ? [(v: unknown) => ((v as string[] | undefined) ?? []).join('\n'), textLines] : [pairsText, textPairs]
  return <Lines {...common} value={value} show={show} read={read} onChange={onChange} />
}

interface LinesProps {
  label: string
  description: string
  error: string | undefined
  readOnly: boolean
  value: unknown
  show: (v: unknown) => string
  read: (t: string) => unknown
  onChange: (v: unknown) => void
}

// Lines keeps what is typed as it is, half a line included.
function Lines({ value, show, read, onChange, ...common }: LinesProps) {
  const [text, setText] = useState(() => show(value))
  const current = JSON.stringify(read(text)) === JSON.stringify(value ?? read('')) ? text : show(value)
  return (
    <Textarea
      {...common}
      rows={3}
      value={current}
      onChange={(e) => {
        setText(e.currentTarget.value)
        onChange(read(e.currentTarget.value))
      }}
    />
  )
}

function Json({ spec, readOnly, onChange, fault, onBroken }: Pick<Props, 'spec' | 'readOnly' | 'onChange' | 'onBroken'> & { fault: string | undefined }) {
  const [text, setText] = useState(() => JSON.stringify(spec, null, 2))
  return (
    <Textarea
      label="Specification"
      description="As the API stores it. Unknown fields are refused."
      readOnly={readOnly}
      error={fault}
      rows={Math.min(30, Math.max(12, text.split('\n').length + 1))}
      styles={{ input: { fontFamily: 'var(--mono)', fontSize: 12.5 } }}
      value={text}
      onChange={(e) => {
        setText(e.currentTarget.value)
        try {
          const v: unknown = JSON.parse(e.currentTarget.value)
          if (typeof v !== 'object' || v === null || Array.isArray(v)) throw new Error('a specification is a JSON object: it begins with {')
          onBroken(undefined)
          onChange(v as Spec)
        } catch (x) {
          onBroken(x instanceof Error ? x.message : String(x))
        }
      }}
    />
  )
}
