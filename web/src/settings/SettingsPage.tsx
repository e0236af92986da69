import { Link, Outlet } from '@tanstack/react-router'
import { includes } from '../account/may'
import { meQuery } from '../api/queries'
import { useQuery } from '@tanstack/react-query'
import { Page } from '../ui/Page'
import { sections } from './sections'
import s from './settings.module.css'

// SettingsPage is the frame of everything about the manager itself. Sections that would be refused are not offered.
export function SettingsPage() {
  const { data: me } = useQuery(meQuery)
  return (
    <Page title="Settings" name="Settings">
      <div className={s.frame}>
        <nav className={s.nav} aria-label="Settings">
          {sections
            .filter((x) => includes(me, x.role))
            .map((x) => (
              <Link key={x.to} to={x.to} activeOptions={{ exact: x.to === '/settings', includeSearch: false }}>
                {x.name}
              </Link>
            ))}
        </nav>
        <div className={s.body}>
          <Outlet />
        </div>
      </div>
    </Page>
  )
}
