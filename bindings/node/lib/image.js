'use strict'
// The builder of image objects. It only collects steps; the library renders them, byte for byte as the official package.

const fs = require('node:fs')
const path = require('node:path')
const json = require('./json')
const pump = require('./pump')
const { Root } = require('./target')
const { ImageSteps } = require('./generated/steps')
const { DaytonaNotFoundError } = require('./generated/errors')

/** A client for what needs no server. @type {any} */
let offline

/** @param {string} operation @param {Image} image */
function render(operation, image) {
  offline ??= new Root('clientOpen', { apiKey: 'none' })
  return pump.immediate(offline._handle, operation, { image })
}

class Image extends ImageSteps {
  /** @type {any} */ #spec

  /** @param {any} spec */
  constructor(spec) {
    super()
    this.#spec = { style: 'typescript', ...spec, steps: [] }
  }

  /** @param {string} image */
  static base(image) {
    return new Image({ base: image })
  }

  /** @param {string} [pythonVersion] */
  static debianSlim(pythonVersion) {
    return new Image({ debianSlim: pythonVersion ?? null })
  }

  /** @param {string} file */
  static fromDockerfile(file) {
    const place = path.resolve(file.replace(/^~(?=\/|$)/, process.env.HOME ?? '~'))
    if (!fs.existsSync(place)) throw new DaytonaNotFoundError(`The Dockerfile ${file} does not exist.`)
    return new Image({ dockerfile: fs.readFileSync(place, 'utf8'), contextDir: path.dirname(place) })
  }

  /** Any step of an image object. @param {any} step @returns {this} */
  step(step) {
    this.#spec.steps.push(step)
    return this
  }

  /** The Dockerfile. Local files that it needs are looked for. */
  get dockerfile() {
    return render('image.dockerfile', this)
  }

  /** What would be uploaded for it. @returns {any[]} */
  get contextList() {
    return json.parse(render('image.contexts', this))
  }

  /** The image object that operations take. */
  toJSON() {
    return this.#spec
  }
}

module.exports = { Image }
