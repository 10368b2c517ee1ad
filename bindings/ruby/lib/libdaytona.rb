# frozen_string_literal: true

require 'fileutils'
require 'pathname'
require 'stringio'
require 'tempfile'

require_relative 'libdaytona/library'
require_relative 'libdaytona/generated/choices'
require_relative 'libdaytona/generated/errors'
require_relative 'libdaytona/generated/records'
require_relative 'libdaytona/generated/structs'
require_relative 'libdaytona/client'
require_relative 'libdaytona/sandbox'
require_relative 'libdaytona/log'

# Daytona sandboxes.
module Daytona
  VERSION = Tables::VERSION

  # The version of the library that was loaded, and the protocol level that it speaks.
  def self.library_version = Library.version

  def self.protocol_version = Library.protocol_version

  # As the official gem has it.
  module Sdk
    VERSION = Tables::VERSION
  end
end
