import { Button, Skeleton } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { isRefusal, Refusal, tagged, type Tagged } from '../api/refusal'
import type { SignInProvider, SignInProviderUpdate } from '../api/types'
import { providerRoute } from '../router'
import { Ago } from '../ui/Ago'
import { Same } from '../ui/Copy'
import { Diff } from '../ui/Diff'
import form from '../ui/form.module.css'
import { Facts, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { Redirect } from './NewProviderPage'
import { draftOf, rebased, settable, stateOf, updateBody } from './provider'
import { ProviderForm } from './ProviderForm'
import { ProviderTest } from './ProviderTest'
import { providerQuery } from './queries'
import { stateWords } from './ProvidersPage'

// assigned is a change as the command line takes it; a secret is not put into a command.
const assigned = (body: SignInProviderUpdate): string =>
  Object.entries(body)
    .map(([k, v]) => (k === 'secret' ? 'secret=SECRET' : `${k}='${typeof v === 'string' ? v : JSON.stringify(v)}'`))
    .join(' ')

export function ProviderPage() {
  const { name } = providerRoute.useParams()
  const { data, error } = useQuery(providerQuery(name))
  if (!data) return error ? <Trouble error={error} what={`The provider ${name} cannot be read`} /> : <Skeleton height={320} />
  return <Editor key={data.data.id} stored={data} />
}

// Editor changes the version that it was opened on; what somebody else stored meanwhile is shown, not overwritten.
function Editor({ stored }: { stored: Tagged<SignInProvider> }) {
  const [base, setBase] = useState(stored)
  const [draft, setDraft] = useState(() => draftOf(stored.data))
  const queries = useQueryClient()
  const p = stored.data
  const title = p.title || p.name
  const body = updateBody(base.data, draft)
  const edited = Object.keys(body).length > 0
  const stale = stored.etag !== base.etag
  const take = (next: Tagged<SignInProvider>) => {
    setBase(next)
    setDraft(draftOf(next.data))
  }
  useEffect(() => {
    if (stale && !edited) {
      setBase(stored)
      setDraft(draftOf(stored.data))
    }
  }, [stale, edited, stored])
  const save = useMutation({
    mutationFn: () => tagged(client.PATCH('/api/v1/sign-in-providers/{provider}', { params: { path: { provider: p.id }, header: { 'If-Match': base.etag } }, body })),
    onSuccess: (next) => {
      queries.setQueryData(['sign-in-providers', p.name], next)
      take(next)
      return queries.invalidateQueries({ queryKey: ['sign-in-providers'] })
    },
    onError: (e) => (isRefusal(e, 412) ? queries.invalidateQueries({ queryKey: ['sign-in-providers'] }) : undefined),
  })
  const refused = save.error instanceof Refusal ? save.error : undefined
  const state = stateOf(p)
  const submit = (e: FormEvent) => {
    e.preventDefault()
    if (edited && !stale) save.mutate()
  }
  return (
    <>
      <Panel title={title} aside={<Link to="/settings/sign-in">All providers</Link>}>
        <div className={form.fields}>
          <Facts
            rows={[
              ['Kind', p.kind === 'oidc' ? 'OpenID Connect' : 'directory (LDAP)'],
              ['State', stateWords[state]],
              ['Answered', p.ok_at ? <Ago key="o" at={p.ok_at} /> : 'not since it was changed last'],
              ['Fails', p.failure ? <span key="f" style={{ color: 'var(--bad)' }}>{p.failure}{p.failed_at ? <>, <Ago at={p.failed_at} /></> : null}</span> : null],
            ]}
          />
          {p.redirect_url ? <Redirect url={p.redirect_url} /> : null}
          <div className="row">
            <ProviderTest name={p.name} title={title} />
          </div>
        </div>
      </Panel>
      <Panel title="How it is asked, and who comes in">
        <form onSubmit={submit} className={form.form}>
          <ProviderForm
            draft={draft}
            onChange={(d) => {
              save.reset()
              setDraft(d)
            }}
            refused={refused}
            hasSecret={base.data.has_secret}
          />
          {stale && edited ? (
            <div className={ui.notice} role="alert">
              <strong>Somebody else changed {title} while you were editing</strong>
              <Diff before={settable(base.data)} after={settable(p)} empty="They stored a new secret." />
              <div className="row">
                <Button
                  size="xs"
                  onClick={() => {
                    setDraft(rebased(base.data, p, draft))
                    setBase(stored)
                  }}
                >
                  Keep mine on top
                </Button>
                <Button size="xs" variant="default" onClick={() => take(stored)}>
                  Take theirs
                </Button>
              </div>
            </div>
          ) : null}
          <Trouble error={isRefusal(save.error, 412) ? null : save.error} what={`${title} was not changed`} />
          <div className="row">
            <Button type="submit" loading={save.isPending} disabled={!edited || stale}>
              Change the provider
            </Button>
            {edited ? (
              <Button variant="default" onClick={() => take(stored)}>
                Undo
              </Button>
            ) : save.isSuccess ? (
              <span className={form.done} role="status">
                Changed. It holds from the next sign-in on.
              </span>
            ) : null}
          </div>
          <Same command={`godwit signin set ${p.name} ${assigned(body) || 'FIELD=VALUE'}`} />
        </form>
      </Panel>
    </>
  )
}
