import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { isRefusal } from '../api/refusal'
import { ClusterTabs } from '../clusters/parts'
import { configurationQuery } from '../clusters/queries'
import { configurationRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { Page } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { ConfigurationEditor } from './ConfigurationEditor'

export function ConfigurationPage() {
  const { name } = configurationRoute.useParams()
  const { data, error } = useQuery(configurationQuery(name))
  if (isRefusal(error, 404)) return <NotFound />
  return (
    <Page
      title={
        <>
          <Link to="/clusters/$name" params={{ name }}>
            {name}
          </Link>{' '}
          · node configuration
        </>
      }
      name={`Configuration of ${name}`}
      lead="What the cluster’s nodes run with. A change reaches running nodes within seconds, and their sessions go on."
    >
      <ClusterTabs name={name} />
      <Trouble error={error} what="The configuration cannot be read" healed={!!data} />
      {data ? <ConfigurationEditor key={name} cluster={name} stored={data} /> : error ? null : <Skeleton height={300} />}
    </Page>
  )
}
