import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { answer, Refusal } from '../api/refusal'
import { Trouble } from '../ui/Trouble'
import s from './account.module.css'
import { Door } from './Door'

const shortest = 10

// tokenOf reads the link's fragment: browsers do not send it to any server.
export const tokenOf = (hash: string): string => new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? ''

export function SetupPage() {
  const [token] = useState(() => tokenOf(window.location.hash))
  const [name, setName] = useState('admin')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const navigate = useNavigate()
  const queries = useQueryClient()
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/setup', { body: { token, name, password } })),
    onSuccess: (me) => {
      queries.clear()
      queries.setQueryData(['me'], me)
      void navigate({ to: '/', replace: true })
    },
  })
  const differs = again !== '' && again !== password
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (again === password) make.mutate()
  }
  if (!token) {
    return (
      <Door name="Set up">
        <div className={s.panel}>
          <h1>The set-up link is not complete</h1>
          <p className={s.text}>
            It ends in <code>#token=…</code>. Copy the whole line that the manager printed, or let{' '}
            <code>godwit-manager admin reset --data DIR</code> print a new one.
          </p>
          <Link to="/sign-in">Sign in instead</Link>
        </div>
      </Door>
    )
  }
  const refused = make.error instanceof Refusal ? make.error : undefined
  return (
    <Door name="Set up">
      <div className={s.panel}>
        <h1>Welcome. Choose how you sign in.</h1>
        <p className={s.text}>
          This link makes one administrator and works once. Whoever has this name and password can change everything here, so
          choose a password of at least {shortest} characters that you use nowhere else.
        </p>
        <form onSubmit={submit}>
          <TextInput label="Name" autoComplete="username" required value={name} onChange={(e) => setName(e.currentTarget.value)} error={refused?.field('name')} />
          <PasswordInput
            label="Password"
            autoComplete="new-password"
            required
            autoFocus
            minLength={shortest}
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
            error={refused?.field('password')}
          />
          <PasswordInput
            label="Password again"
            autoComplete="new-password"
            required
            value={again}
            onChange={(e) => setAgain(e.currentTarget.value)}
            error={differs ? 'is not the same' : undefined}
          />
          <Trouble error={make.error} what="The administrator was not made" />
          <Button type="submit" loading={make.isPending} disabled={differs}>
            Make administrator and sign in
          </Button>
        </form>
      </div>
      <p className={s.foot}>If the name exists already, it gets this password and becomes an administrator.</p>
    </Door>
  )
}
