import type { Context, PipInstallOptions, PyprojectOptions } from './generated/official'
import type { ImageSpec, ImageStep } from './generated/shapes'

/** A builder of image objects. The Dockerfile is byte for byte that of the official package. */
export declare class Image {
  private constructor()
  /** Begins with an image of a registry. */
  static base(image: string): Image
  /** Begins with the official Debian image of a Python version. Default: the newest that is known. */
  static debianSlim(pythonVersion?: '3.9' | '3.10' | '3.11' | '3.12' | '3.13'): Image
  /** Begins with a Dockerfile on this machine; its context is the directory that it is in. */
  static fromDockerfile(path: string): Image
  /** Installs Debian packages. */
  aptGet(packages: string[]): Image
  /** Installs Python packages. */
  pipInstall(packages: string | string[], options?: PipInstallOptions): Image
  /** Installs the packages of a local requirements file. */
  pipInstallFromRequirements(requirementsTxt: string, options?: PipInstallOptions): Image
  /** Installs the dependencies of a local pyproject.toml. */
  pipInstallFromPyproject(pyprojectToml: string, options?: PyprojectOptions): Image
  /** Copies a local file. */
  addLocalFile(localPath: string, remotePath: string): Image
  /** Copies the content of a local directory. */
  addLocalDir(localPath: string, remotePath: string): Image
  /** Runs commands: a text for the shell, or a program with its arguments. */
  runCommands(...commands: (string | string[])[]): Image
  /** Sets environment variables. */
  env(envVars: Record<string, string>): Image
  /** The directory of the steps that follow, and of processes. */
  workdir(dirPath: string): Image
  entrypoint(entrypointCommands: string[]): Image
  cmd(cmd: string[]): Image
  /** Lines of a Dockerfile, as they are. */
  dockerfileCommands(dockerfileCommands: string[], contextDir?: string): Image
  /** Any step of an image object. */
  step(step: ImageStep): Image
  /** The Dockerfile. Local files that it needs are looked for. */
  get dockerfile(): string
  /** What would be uploaded for it. */
  get contextList(): Context[]
  /** The image object that operations take. */
  toJSON(): ImageSpec
}
