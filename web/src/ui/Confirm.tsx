import { Button, Modal, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { Same } from './Copy'
import s from './form.module.css'
import { Trouble } from './Trouble'

interface Props {
  title: string
  consequences: ReactNode[]
  label: string // of the button that does it
  keep?: string // of the button that does not
  danger?: boolean
  typed?: string // to be typed where data can be lost
  ready?: boolean // false: what is asked below is not answered yet
  command?: string
  failed: string // what to say when it was refused
  act: () => Promise<unknown>
  onDone?: () => unknown
  onClose: () => void
  children?: ReactNode
}

// Confirm asks before something is done that cannot be taken back, and says what it does.
export function Confirm({ title, consequences, label, keep = 'Leave it', danger, typed, ready = true, command, failed, act, onDone, onClose, children }: Props) {
  const [said, setSaid] = useState('')
  const doing = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      onClose()
      await onDone?.()
    },
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (ready && (!typed || said === typed)) doing.mutate()
  }
  return (
    <Modal opened onClose={onClose} title={<strong>{title}</strong>}>
      <form onSubmit={submit} className={s.fields}>
        <ul className={s.consequence} style={{ marginBottom: 0 }}>
          {consequences.map((c, i) => (
            <li key={i}>{c}</li>
          ))}
        </ul>
        {children}
        {typed ? <TextInput label={<>Type <code>{typed}</code> to go on</>} autoComplete="off" value={said} onChange={(e) => setSaid(e.currentTarget.value)} /> : null}
        <Trouble error={doing.error} what={failed} />
        <div className={s.buttons}>
          <Button variant="default" onClick={onClose}>
            {keep}
          </Button>
          <Button type="submit" color={danger ? 'red' : ''} loading={doing.isPending} disabled={!ready || (!!typed && said !== typed)}>
            {label}
          </Button>
        </div>
        {command ? <Same command={command} /> : null}
      </form>
    </Modal>
  )
}
