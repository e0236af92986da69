import type { ReactNode } from 'react'
import { Copy } from './Copy'
import s from './form.module.css'

// Secret shows once what is shown only once, to be copied.
export function Secret({ what, value, testId, children }: { what: string; value: string; testId?: string; children?: ReactNode }) {
  return (
    <section className={s.secret} aria-label={`The new ${what}`}>
      <strong>Copy the {what} now: it is not kept and cannot be shown again.</strong>
      <div className="row" style={{ flexWrap: 'nowrap' }}>
        <output data-testid={testId} tabIndex={0} aria-label={what}>
          {value}
        </output>
        <Copy text={value} what={what} />
      </div>
      {children}
    </section>
  )
}
