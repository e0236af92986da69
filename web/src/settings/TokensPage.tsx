import { Button, Modal, NativeSelect, Skeleton, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import type { Role } from '../account/may'
import { client } from '../api/client'
import { meQuery } from '../api/queries'
import { answer, Refusal } from '../api/refusal'
import type { ApiToken } from '../api/types'
import { quoted } from '../start/create'
import { Ago } from '../ui/Ago'
import { Confirm } from '../ui/Confirm'
import { Command, Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Empty, Panel } from '../ui/Page'
import { Secret } from '../ui/Secret'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { tokensQuery } from './queries'
import { Scopes } from './Scopes'
import { RoleCards, roles } from './roles'
import s from './settings.module.css'

export function TokensPage() {
  const { data: tokens, error } = useQuery(tokensQuery)
  const { data: me } = useQuery(meQuery)
  const [making, setMaking] = useState(false)
  const [ending, setEnding] = useState<ApiToken>()
  const queries = useQueryClient()
  return (
    <>
      <div className={s.bar}>
        <p className={s.lead}>Programs sign in with a token instead of a password: scripts, monitoring, other managers. {me?.role === 'admin' ? 'These are everybody’s.' : 'These are yours.'}</p>
        {me?.kind === 'user' ? (
          <Button size="sm" onClick={() => setMaking(true)}>
            New token
          </Button>
        ) : null}
      </div>
      <Trouble error={error} what="The API tokens cannot be read" healed={!!tokens} />
      <Panel flush label="API tokens">
        {!tokens ? (
          error ? null : <Skeleton height={120} />
        ) : tokens.length ? (
          <div className={ui.scroll}>
            <table className={`${ui.table} ${ui.cards}`}>
              <thead>
                <tr>
                  <th>Name</th><th>Role</th><th>Whose</th><th>Last used</th><th>Ends</th>
                  <th>
                    <span className="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {tokens.map((t) => (
                  <tr key={t.id}>
                    <td data-label="Name">
                      <strong>{t.name}</strong>
                    </td>
                    <td data-label="Role">
                      {t.role}
                      {t.scopes.length ? <div className="dim" style={{ fontSize: 12.5 }}>only {t.scopes.join(', ')}</div> : null}
                    </td>
                    <td data-label="Whose">{t.owner ?? <span className="dim">the manager’s</span>}</td>
                    <td data-label="Last used">{t.last_used_at ? <Ago at={t.last_used_at} /> : <span className="dim">never</span>}</td>
                    <td data-label="Ends">{t.expires_at ? <Ago at={t.expires_at} /> : <span className="dim">never</span>}</td>
                    <td data-label="" className={ui.right}>
                      <Button size="compact-xs" variant="default" c="var(--bad)" onClick={() => setEnding(t)} aria-label={`Delete ${t.name}`}>
                        Delete…
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <Empty title="No program signs in here">
            <p>Make a token for each program, with the least role that it needs: taking one away then stops nobody else.</p>
          </Empty>
        )}
      </Panel>
      <Same command="godwit token list" />
      {making ? <Make most={me?.role ?? 'viewer'} onClose={() => setMaking(false)} /> : null}
      {ending ? (
        <Confirm
          title={`Delete the token ${ending.name}?`}
          consequences={['It stops working at once; whatever uses it is refused.', 'It cannot be given back: a new token is needed.']}
          label="Delete it"
          danger
          command={`godwit token delete ${ending.id}`}
          failed="The token was not deleted"
          act={() => answer(client.DELETE('/api/v1/api-tokens/{token}', { params: { path: { token: ending.id } } }))}
          onDone={() => queries.invalidateQueries({ queryKey: ['api-tokens'] })}
          onClose={() => setEnding(undefined)}
        />
      ) : null}
    </>
  )
}

const day = 86_400
const lives = [
  { value: String(day), label: 'one day' },
  { value: String(30 * day), label: '30 days' },
  { value: String(365 * day), label: 'a year' },
  { value: '', label: 'until it is deleted' },
]

function Make({ most, onClose }: { most: Role; onClose: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [scopes, setScopes] = useState<string[]>([])
  const [life, setLife] = useState(String(30 * day))
  const queries = useQueryClient()
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/api-tokens', { body: { name: name.trim(), role, ...(scopes.length && { scopes }), ...(life && { expires_in_s: Number(life) }) } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['api-tokens'] }),
  })
  const refused = make.error instanceof Refusal ? make.error : undefined
  const submit = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  const made = make.data
  return (
    <Modal opened onClose={onClose} title={<strong>{made ? `The token ${made.name}` : 'New API token'}</strong>} size="lg" closeOnClickOutside={!made}>
      {made ? (
        <div className={form.fields}>
          <Secret what="token" value={made.token} testId="token" />
          <p className="dim">Programs send it with every request:</p>
          <Command text={`curl -H "Authorization: Bearer $GODWIT_TOKEN" ${location.origin}/api/v1/overview`} />
          <div className={form.buttons}>
            <Button onClick={onClose}>I have stored it</Button>
          </div>
        </div>
      ) : (
        <form onSubmit={submit} className={form.fields}>
          <TextInput label="Name" description="What uses it, such as “monitoring”." required maxLength={64} value={name} error={refused?.field('name')} onChange={(e) => setName(e.currentTarget.value)} />
          <RoleCards value={role} onChange={setRole} most={roles.includes(most) ? most : 'viewer'} />
          <Scopes chosen={scopes} onChange={setScopes} writes={role !== 'viewer'} />
          <NativeSelect label="It works for" data={lives} value={life} onChange={(e) => setLife(e.currentTarget.value)} />
          <Trouble error={make.error} what="The token was not made" />
          <div className={form.buttons}>
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={make.isPending} disabled={!name.trim()}>
              Make the token
            </Button>
          </div>
          <Same command={`godwit token create ${quoted(name.trim() || 'NAME')} --role ${role}${scopes.map((x) => ` --scope ${x}`).join('')}`} />
        </form>
      )}
    </Modal>
  )
}
