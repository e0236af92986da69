import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { setupQuery } from '../api/queries'
import { answer } from '../api/refusal'
import { signInRoute } from '../router'
import { safeReturn } from '../shell/search'
import { Trouble } from '../ui/Trouble'
import s from './account.module.css'
import { Door } from './Door'

export function SignInPage() {
  const { from } = signInRoute.useSearch()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const router = useRouter()
  const queries = useQueryClient()
  const setup = useQuery(setupQuery)
  const signIn = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/sessions', { body: { name, password } })),
    onSuccess: (me) => {
      queries.clear()
      queries.setQueryData(['me'], me)
      router.history.replace(safeReturn(from))
    },
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    signIn.mutate()
  }
  return (
    <Door name="Sign in">
      <div className={s.panel}>
        <h1>Sign in</h1>
        {from ? <p className={s.text}>You come back to where you were.</p> : null}
        {setup.data?.required ? (
          <p className={s.text}>
            Nobody can sign in yet: open the set-up link that the manager printed when it started. Lost it?{' '}
            <code>godwit-manager admin reset --data DIR</code> prints another.
          </p>
        ) : null}
        <form onSubmit={submit}>
          <TextInput label="Name" autoComplete="username" autoFocus required value={name} onChange={(e) => setName(e.currentTarget.value)} />
          <PasswordInput label="Password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
          <Trouble error={signIn.error} what="You are not signed in" />
          <Button type="submit" loading={signIn.isPending}>
            Sign in
          </Button>
        </form>
      </div>
      <p className={s.foot}>
        Locked out? On the manager’s machine, <code>godwit-manager admin reset</code> prints a link that gives you a new password.
      </p>
    </Door>
  )
}
