import { useEffect, type ReactNode } from 'react'
import s from './ui.module.css'

interface PageProps {
  title: ReactNode
  name: string // of the browser's tab
  lead?: ReactNode
  actions?: ReactNode
  children: ReactNode
}

export function Page({ title, name, lead, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${name} · Godwit`
  }, [name])
  return (
    <div className={s.page}>
      <header className={s.head}>
        <div>
          <h1>{title}</h1>
          {lead ? <p className={s.lead}>{lead}</p> : null}
        </div>
        {actions ? <div className="row">{actions}</div> : null}
      </header>
      {children}
    </div>
  )
}

interface PanelProps {
  title?: ReactNode
  aside?: ReactNode
  flush?: boolean
  children: ReactNode
  label?: string
  className?: string | undefined
}

export function Panel({ title, aside, flush, children, label, className }: PanelProps) {
  return (
    <section className={`${s.panel} ${className ?? ''}`} aria-label={label ?? (typeof title === 'string' ? title : undefined)}>
      {title || aside ? (
        <div className={s.panelHead}>
          {title ? <h2>{title}</h2> : <span />}
          {aside}
        </div>
      ) : null}
      {flush ? children : <div className={s.panelBody}>{children}</div>}
    </section>
  )
}

// Facts is a list of names and values; those without a value are left out.
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className={s.facts}>
      {rows.map(([k, v]) =>
        v === undefined || v === null || v === '' ? null : (
          <div key={k} style={{ display: 'contents' }}>
            <dt>{k}</dt>
            <dd>{v}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={s.empty}>
      <h3>{title}</h3>
      {children}
    </div>
  )
}
