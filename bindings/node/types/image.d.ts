import type { Context } from './generated/official'
import type { ImageSpec } from './generated/shapes'
import type { ImageSteps } from './generated/steps'

/** A builder of image objects. The Dockerfile is byte for byte that of the official package. */
export declare class Image extends ImageSteps {
  private constructor()
  /** Begins with an image of a registry. */
  static base(image: string): Image
  /** Begins with the official Debian image of a Python version. Default: the newest that is known. */
  static debianSlim(pythonVersion?: '3.9' | '3.10' | '3.11' | '3.12' | '3.13'): Image
  /** Begins with a Dockerfile on this machine; its context is the directory that it is in. */
  static fromDockerfile(path: string): Image
  /** The Dockerfile. Local files that it needs are looked for. */
  get dockerfile(): string
  /** What would be uploaded for it. */
  get contextList(): Context[]
  /** The image object that operations take. */
  toJSON(): ImageSpec
}
