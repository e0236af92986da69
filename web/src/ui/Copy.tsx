import { useEffect, useState } from 'react'
import s from './ui.module.css'

export function Copy({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'' | 'copied' | 'failed'>('')
  useEffect(() => {
    if (!state) return
    const t = setTimeout(() => setState(''), 1600)
    return () => clearTimeout(t)
  }, [state])
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      () => setState('failed'),
    )
  return (
    <button type="button" className={`${s.copy} ${state === 'copied' ? s.copied : ''}`} onClick={copy} aria-label={state === 'copied' ? `copied ${what}` : state === 'failed' ? `${what}: select it by hand` : `Copy ${what}`}>
      <span aria-live="polite">{state === 'copied' ? 'copied' : state === 'failed' ? 'select it by hand' : 'copy'}</span>
    </button>
  )
}

// Command is a line to copy; plain, when it is not one for a shell.
export function Command({ text, what = 'command', testId, plain }: { text: string; what?: string; testId?: string; plain?: boolean }) {
  return (
    <div className={`${s.command} ${plain ? s.plain : ''}`}>
      <code data-testid={testId} tabIndex={0}>
        {text}
      </code>
      <Copy text={text} what={what} />
    </div>
  )
}

// Same is the command line that does what the screen does.
export function Same({ command }: { command: string }) {
  return (
    <div className={s.same}>
      <span>The same by command line:</span>
      <Command text={command} />
    </div>
  )
}

// Id is an identifier to read, and to copy.
export function Id({ value, what = 'id' }: { value: string; what?: string }) {
  return (
    <span className="row" style={{ display: 'inline-flex', gap: 6 }}>
      <code>{value}</code>
      <Copy text={value} what={what} />
    </span>
  )
}
