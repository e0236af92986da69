import { Button, NativeSelect, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { setupQuery } from '../api/queries'
import { answer } from '../api/refusal'
import { signInRoute } from '../router'
import { safeReturn } from '../shell/search'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import s from './account.module.css'
import { Door } from './Door'
import { doors, leave, local, methodsQuery, refusedWords } from './methods'

export function SignInPage() {
  const { from, sign_in: refused, provider } = signInRoute.useSearch()
  const setup = useQuery(setupQuery)
  const { data: methods, error } = useQuery(methodsQuery)
  const [byName, setByName] = useState(false)
  const providers = methods?.providers ?? []
  const links = providers.filter((p) => p.url)
  const ways = doors(methods)
  // Where everybody comes by another site, the form is for the administrator in need: reachable, not in the way.
  const aside = methods?.local === 'administrators' && links.length > 0 && ways.length === 1
  const failing = providers.filter((p) => p.failing).map((p) => p.title)
  return (
    <Door name="Sign in">
      <div className={s.panel}>
        <h1>Sign in</h1>
        {refused && methods ? (
          <div className={ui.problem} role="alert">
            <strong>You are not signed in</strong>
            <span>{refusedWords(refused, provider, providers)}</span>
          </div>
        ) : null}
        {from ? <p className={s.text}>You come back to where you were.</p> : null}
        {setup.data?.required ? (
          <p className={s.text}>
            Nobody can sign in yet: open the set-up link that the manager printed when it started. Lost it?{' '}
            <code>godwit-manager admin reset --data DIR</code> prints another.
          </p>
        ) : null}
        {failing.length ? (
          <p className={ui.notice} role="status">
            <span>
              <strong>{failing.join(', ')}</strong> did not answer when last asked. You can try; administrators always sign in with a password kept here.
            </span>
          </p>
        ) : null}
        {links.length ? (
          <div className={s.ways}>
            {links.map((p) => (
              <Button key={p.name} component="a" href={p.url} variant={aside ? 'filled' : 'default'} onClick={() => leave(from)}>
                Sign in with {p.title}
              </Button>
            ))}
            {aside ? null : <p className={s.or}>or with name and password</p>}
          </div>
        ) : null}
        {aside && !byName ? (
          <button type="button" className={s.quiet} onClick={() => setByName(true)}>
            Administrator? Use a password kept here
          </button>
        ) : methods || error ? (
          <ByName key={ways[0]?.name} ways={ways} everyone={methods?.local !== 'administrators'} from={from} />
        ) : null}
      </div>
      <p className={s.foot}>
        Locked out? On the manager’s machine, <code>godwit-manager admin reset</code> prints a link that gives you a new password.
      </p>
    </Door>
  )
}

// ByName signs in with a password: one kept here, or one that a directory knows.
function ByName({ ways, everyone, from }: { ways: ReturnType<typeof doors>; everyone: boolean; from: string | undefined }) {
  const [by, setBy] = useState(ways[0]?.name ?? local)
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const router = useRouter()
  const queries = useQueryClient()
  const signIn = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/sessions', { body: { name, password, ...(by !== local && { provider: by }) } })),
    onSuccess: (me) => {
      queries.clear()
      queries.setQueryData(['me'], me)
      router.history.replace(safeReturn(from))
    },
    onError: () => queries.invalidateQueries({ queryKey: ['sign-in-methods'] }), // it may say now which provider fails
  })
  const submit = (e: FormEvent) => {
    e.preventDefault()
    signIn.mutate()
  }
  const kept = everyone ? 'a password kept here' : 'a password kept here (administrators)'
  return (
    <form onSubmit={submit}>
      {ways.length > 1 ? (
        <NativeSelect
          label="Your password is"
          data={ways.map((w) => ({ value: w.name, label: w.name === local ? kept : `the one of ${w.title}${w.failing ? ' (did not answer)' : ''}` }))}
          value={by}
          onChange={(e) => {
            signIn.reset()
            setBy(e.currentTarget.value)
          }}
        />
      ) : null}
      <TextInput label="Name" autoComplete="username" autoFocus required value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <PasswordInput label="Password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
      <Trouble error={signIn.error} what="You are not signed in" />
      <Button type="submit" loading={signIn.isPending}>
        Sign in
      </Button>
    </form>
  )
}
