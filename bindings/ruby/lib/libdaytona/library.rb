# frozen_string_literal: true

require 'ffi'
require_relative 'errors'
require_relative 'generated/tables'

module Daytona
  # Finds libdaytona, checks that it is of a version that this gem can use, and declares its functions.
  module Library
    extend FFI::Library

    FILE = FFI::Platform.mac? ? 'libdaytona.dylib' : 'libdaytona.so'
    SONAME = FFI::Platform.mac? ? FILE : "#{FILE}.#{Tables::ABI >> 16}"

    # One event as eight 64-bit words; `daytona_event_t` of the header.
    EVENT_BYTES = 64

    class << self
      # The library's path, as it was loaded.
      attr_reader :path

      # The places where the library may be, in order; the last is the system's own search.
      def candidates
        given = ENV.fetch('LIBDAYTONA_PATH', '')
        unless given.empty?
          return File.directory?(given) ? [FILE, SONAME].map { |name| File.join(given, name) } : [given]
        end

        [File.join(__dir__, FILE), SONAME]
      end

      def find
        tried = candidates.map do |file|
          next "#{file} (not there)" if file.include?('/') && !File.exist?(file)

          return check(FFI::DynamicLibrary.open(file, FFI::DynamicLibrary::RTLD_LAZY), file)
        rescue LoadError => e
          "#{file} (#{e.message})"
        end
        raise LibraryError, "libdaytona was not found. Looked at #{tried.join(', ')}. " \
                            'Set LIBDAYTONA_PATH to the library or its directory.'
      end

      private

      def check(library, file)
        function = library.find_function('daytona_abi_version')
        raise LibraryError, "#{file} is no libdaytona: it has no daytona_abi_version." unless function

        version = FFI::Function.new(:uint32, [], function).call
        abi = Tables::ABI
        return @path = file if version >> 16 == abi >> 16 && version >= abi

        age = version < abi ? 'old' : 'new'
        raise LibraryError, "#{file} is too #{age}: it has the interface #{dotted(version)}, " \
                            "not #{dotted(abi)} or a later #{abi >> 16}.x."
      end

      # The number as people write it: `major << 16 | minor` is "major.minor".
      def dotted(version) = "#{version >> 16}.#{version & 0xffff}"
    end

    ffi_lib find

    # What may wait releases the interpreter's lock; what only copies does not.
    WAITING = %i[queue_next stream_write shutdown].freeze

    Tables::FUNCTIONS.each do |name, (takes, gives)|
      attach_function name, :"daytona_#{name}", takes, gives, blocking: WAITING.include?(name)
    end

    # A place for what functions store: a handle or count, and the address of a text.
    class Slots
      def initialize
        @memory = FFI::MemoryPointer.new(:uint64, 2)
        @number = @memory
        @text = @memory + 8
      end

      attr_reader :number, :text

      def value = @number.read_uint64

      # Raises what a function that failed at once has stored.
      def check(status)
        return if status.zero?

        address = @text.read_pointer
        raise Errors.of_status(status) if address.null?

        begin
          raise Errors.from_json(address.read_string)
        ensure
          Library.free(address)
        end
      end
    end
  end
end
