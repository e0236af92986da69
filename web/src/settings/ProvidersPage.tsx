import { Button, Skeleton } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { client } from '../api/client'
import { settingsQuery } from '../api/queries'
import { answer, tagged } from '../api/refusal'
import type { SignInProvider } from '../api/types'
import { plural } from '../format/format'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Same } from '../ui/Copy'
import { Empty, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { stateOf, type ProviderState } from './provider'
import { ProviderTest } from './ProviderTest'
import { providersQuery, usersQuery } from './queries'
import s from './settings.module.css'

export const stateWords: Record<ProviderState, string> = { ok: 'works', failing: 'fails', off: 'is off', idle: 'was not asked yet' }

export function ProvidersPage() {
  const { data: list, error } = useQuery(providersQuery)
  const { data: settings } = useQuery(settingsQuery)
  return (
    <>
      <div className={s.bar}>
        <p className={s.lead}>
          Who vouches for people that have no password here.{' '}
          {settings?.local_sign_in === 'administrators' ? 'Passwords kept here are for administrators only' : 'Who has a password kept here may sign in with it, too'}; <Link to="/settings">General</Link> says so.
          Administrators always may.
        </p>
        <Button size="sm" renderRoot={(p) => <Link {...p} to="/settings/sign-in/new" />}>
          Add a provider
        </Button>
      </div>
      <Trouble error={error} what="The sign-in providers cannot be read" healed={!!list} />
      <Panel flush label="Sign-in providers">
        {!list ? (
          error ? null : <Skeleton height={120} />
        ) : list.length ? (
          <ul className={s.entries}>
            {list.map((p) => (
              <Provider key={p.id} p={p} />
            ))}
          </ul>
        ) : (
          <Empty title="Everybody signs in with a password kept here">
            <p>Add your OpenID provider or directory, and people sign in as they do elsewhere, with the role of their groups.</p>
          </Empty>
        )}
      </Panel>
      <Same command="godwit signin list" />
    </>
  )
}

function Provider({ p }: { p: SignInProvider }) {
  const [asked, setAsked] = useState<'turn' | 'remove'>()
  const { data: users } = useQuery(usersQuery)
  const { data: settings } = useQuery(settingsQuery)
  const queries = useQueryClient()
  const title = p.title || p.name
  const state = stateOf(p)
  const people = users?.filter((u) => u.provider_id === p.id).length ?? 0
  const refresh = () => Promise.all(['sign-in-providers', 'sign-in-methods', 'users', 'sessions'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
  const params = { path: { provider: p.id } }
  const groups = (p.roles ?? []).map((r) => `${r.group} as ${r.role}`).join(', ')
  const stranded = people && settings?.local_sign_in === 'administrators' ? 'Passwords kept here are for administrators only now: the others have no way in.' : 'Passwords kept here work as before.'
  return (
    <li className={p.enabled ? undefined : s.dimmed}>
      <div className={s.line}>
        <span>
          <Link to="/settings/sign-in/$name" params={{ name: p.name }}>
            <b>{title}</b>
          </Link>{' '}
          <span className="dim">{p.kind === 'oidc' ? 'OpenID at' : 'directory at'}</span> <code>{p.oidc?.issuer ?? p.ldap?.url}</code>
          <span className={s.tag} data-state={state}>
            {stateWords[state]}
          </span>
        </span>
        {p.ok_at ? (
          <span className="dim">
            answered <Ago at={p.ok_at} />
          </span>
        ) : null}
      </div>
      {p.failure ? <p style={{ color: 'var(--bad)' }}>{p.failure}</p> : null}
      <p className="dim">
        {people ? `${plural(people, 'user')} by it` : 'Nobody came by it yet'} · {groups || 'no groups'} · {p.default_role ? `everybody else as ${p.default_role}` : 'nobody else'}
      </p>
      <div className="row">
        <ProviderTest name={p.name} title={title} size="compact-xs" />
        <Button size="compact-xs" variant="default" renderRoot={(x) => <Link {...x} to="/settings/sign-in/$name" params={{ name: p.name }} />}>
          Change
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => setAsked('turn')}>
          {p.enabled ? 'Turn off…' : 'Turn on…'}
        </Button>
        <Button size="compact-xs" variant="default" c="var(--bad)" onClick={() => setAsked('remove')}>
          Remove…
        </Button>
      </div>
      {asked === 'turn' ? (
        <Confirm
          title={p.enabled ? `Turn ${title} off?` : `Turn ${title} on?`}
          consequences={
            p.enabled
              ? ['The sign-in page offers it no more.', people ? `${plural(people, 'user')} sign in by it: sessions that are open go on until they end.` : 'Nobody came by it so far.', stranded, 'It can be turned on again at any time.']
              : ['The sign-in page offers it from now on.', 'Who comes by it gets the role of their groups.']
          }
          label={p.enabled ? `Turn ${title} off` : `Turn ${title} on`}
          danger={p.enabled}
          failed="The provider was not changed"
          act={async () => {
            const { etag } = await tagged(client.GET('/api/v1/sign-in-providers/{provider}', { params }))
            return answer(client.PATCH('/api/v1/sign-in-providers/{provider}', { params: { ...params, header: { 'If-Match': etag } }, body: { enabled: !p.enabled } }))
          }}
          onDone={refresh}
          onClose={() => setAsked(undefined)}
        />
      ) : null}
      {asked === 'remove' ? (
        <Confirm
          title={`Remove ${title}?`}
          consequences={[
            people ? `${plural(people, 'user')} came by it: their sessions end now, and they stay in the list, disabled.` : 'Nobody came by it so far.',
            'Its secret is gone; to have it back, add it anew.',
            'People whom a new provider of the same place vouches for are new users then.',
            stranded,
          ]}
          label={`Remove ${title}`}
          danger
          typed={p.name}
          command={`godwit signin delete ${p.name}`}
          failed="The provider was not removed"
          act={() => answer(client.DELETE('/api/v1/sign-in-providers/{provider}', { params }))}
          onDone={refresh}
          onClose={() => setAsked(undefined)}
        />
      ) : null}
    </li>
  )
}
