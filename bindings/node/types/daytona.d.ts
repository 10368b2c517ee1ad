import type { Client, EchoCalls } from './generated/calls'
import type { DaytonaConfig, ListSandboxesQuery } from './generated/official'
import type { Sandbox } from './sandbox'
import type { CallOptions } from './target'

/**
 * A client of Daytona. What its configuration does not say comes from the environment: DAYTONA_API_KEY or
 * DAYTONA_JWT_TOKEN with DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET. It opens no connection by itself, and
 * keeps no process alive while nothing is under way.
 */
export declare class Daytona extends Client {
  constructor(config?: DaytonaConfig)
  /** All sandboxes that match, page by page; `limit` is the length of a page. */
  list(query?: ListSandboxesQuery, options?: CallOptions): AsyncIterableIterator<Sandbox>
}

/** A client that talks to nobody: it gives back what it is given, for tests of the way to the library and back. */
export declare class Echo extends EchoCalls {
  constructor()
}
