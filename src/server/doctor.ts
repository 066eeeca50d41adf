/** The route that tells what the server's own host lacks. */
import { type HostCheck, HostReport } from '../api/doctor.ts'
import { ref } from '../api/ref.ts'
import { routes } from '../api/routes.ts'
import { aboutIn } from './about.ts'
import type { FastifyTypeBox } from './app.ts'

const about = aboutIn('state')

/** Whoever asks within it gets the same answer: judging starts a dozen programs. In milliseconds. */
const freshMs = 60_000

export interface DoctorOptions {
  readonly node: string
  /** Looks at the host; changes nothing. */
  readonly diagnose: () => Promise<readonly HostCheck[]>
}

export function doctorRoute(app: FastifyTypeBox, { node, diagnose }: DoctorOptions): void {
  let last: { readonly until: number; readonly report: Promise<HostReport> } | undefined
  const judge = async (): Promise<HostReport> => {
    const checks = await diagnose()
    return { node, judged_at: new Date().toISOString(), checks: [...checks] }
  }
  const schema = {
    ...about(
      'judgeHost',
      'Judges the host that the server runs on, as vulcan doctor does there; an answer is good for a minute',
    ),
    response: { 200: ref(HostReport) },
  }
  app.get(routes.doctor, { config: { scope: 'read' }, schema }, async () => {
    if (!last || performance.now() > last.until) last = { until: performance.now() + freshMs, report: judge() }
    try {
      return await last.report
    } catch (error) {
      // The next one tries anew.
      last = undefined
      throw error
    }
  })
}
