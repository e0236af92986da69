import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { clustersQuery } from '../api/queries'
import { answer, Refusal } from '../api/refusal'
import { useMay } from '../account/may'
import type { AccessKeySecret } from '../api/types'
import { keep, useCluster } from '../shell/cluster'
import { commands, quoted } from '../start/create'
import { Command, Same } from '../ui/Copy'
import s from '../ui/form.module.css'
import { Page, Panel } from '../ui/Page'
import { Secret } from '../ui/Secret'
import { Trouble } from '../ui/Trouble'
import { KeyFields } from './KeyFields'
import { blank, creation, faults, field, type Wish } from './wish'

// Where files can be. Each kind asks for what it needs.
const storages = [{ type: 'local', name: 'Directory', text: 'On a disk or share that every node of the cluster sees under the same path.' }] as const

export function NewKeyPage() {
  const may = useMay('admin')
  const cluster = useCluster()
  const [made, setMade] = useState<AccessKeySecret>()
  return (
    <Page
      title={made ? `${made.name} can sign in` : 'New access key'}
      name="New access key"
      lead={made ? undefined : 'A key is a tenant: it sees one place for files and nothing else, and everything it moves is counted under its name.'}
      actions={
        <Link to="/keys" search={keep(cluster)}>
          All access keys
        </Link>
      }
    >
      {!may ? <p>Only an administrator makes access keys.</p> : made ? <Made accessKey={made} /> : <Ask onMade={setMade} />}
    </Page>
  )
}

function Ask({ onMade }: { onMade: (k: AccessKeySecret) => void }) {
  const [wish, setWish] = useState<Wish>(blank)
  const [tried, setTried] = useState(false)
  const queries = useQueryClient()
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/access-keys', { body: creation(wish) })),
    onSuccess: async (k) => {
      onMade(k)
      await queries.invalidateQueries({ queryKey: ['access-keys'] })
    },
  })
  const own = faults(wish)
  const wrong: Partial<Record<keyof Wish, string | undefined>> = tried ? { ...own } : {}
  if (make.error instanceof Refusal) for (const f of make.error.fields) wrong[field(f.location) ?? 'name'] ??= f.message
  const submit = (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    if (Object.keys(own).length === 0) make.mutate()
  }
  return (
    <Panel title="Who, where, how much">
      <form className={s.form} onSubmit={submit} noValidate>
        <fieldset className={s.group}>
          <legend>Where the files are</legend>
          <div className={s.cards}>
            {storages.map((x) => (
              <label key={x.type} className={s.card}>
                <input type="radio" name="storage" value={x.type} defaultChecked />
                <b>{x.name}</b>
                <span>{x.text}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <TextInput
          label="Directory"
          description="The tenant sees what is below it and nothing above. The manager tries it before it saves."
          placeholder="/srv/files/acme"
          required
          value={wish.path}
          error={wrong.path}
          onChange={(e) => setWish({ ...wish, path: e.currentTarget.value })}
        />
        <KeyFields wish={wish} onWish={setWish} wrong={wrong} />
        <Trouble error={make.error} what="The access key was not made" />
        <div className={s.buttons}>
          <Button type="submit" loading={make.isPending}>
            Make access key
          </Button>
        </div>
      </form>
      <Same command={`godwit key create ${quoted(wish.name.trim() || 'NAME')} --path ${quoted(wish.path || 'DIR')}`} />
    </Panel>
  )
}

function Made({ accessKey: k }: { accessKey: AccessKeySecret }) {
  const cluster = useCluster()
  const { data: clusters } = useQuery(clustersQuery)
  const c = commands(k, './my-files', cluster ?? clusters?.items[0]?.name ?? 'CLUSTER')
  return (
    <Panel title="Hand these to the tenant">
      <div className={s.form}>
        <Secret what="secret" value={k.secret} testId="key-secret">
          <p>Its id is <code>{k.id}</code>. The id may be written down anywhere; the secret is a password.</p>
        </Secret>
        <p>Sign in once, on the machine that has the files; it asks for the secret:</p>
        <Command text={c.login} />
        <p>Then send, or list what is there:</p>
        <Command text={c.copy} />
        <div className={s.buttons}>
          <Link to="/keys/$id" params={{ id: k.id }} search={keep(cluster)}>
            I have stored it; show the key
          </Link>
        </div>
      </div>
    </Panel>
  )
}
