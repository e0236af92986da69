import { useEffect, type ReactNode } from 'react'
import { Mark } from '../shell/Mark'
import s from './account.module.css'

// Door is the frame of the pages before signing in.
export function Door({ name, children }: { name: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${name} · Godwit`
  }, [name])
  return (
    <main className={s.door}>
      <div className={s.card}>
        <div className={s.brand}>
          <Mark size={30} /> Godwit
        </div>
        {children}
      </div>
    </main>
  )
}
