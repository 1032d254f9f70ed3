################################################################################
#
# crier
#
################################################################################

CRIER_VERSION = 0.1.0
CRIER_SITE = $(BR2_EXTERNAL_CRIER_PATH)/../target/image/source
CRIER_SITE_METHOD = local
CRIER_LICENSE = Apache-2.0
CRIER_LICENSE_FILES = LICENSE NOTICE

# host-clang: bindgen reads llama.cpp's headers with it.
CRIER_DEPENDENCIES = \
	alsa-lib host-clang host-pkgconf onnxruntime \
	$(BR2_CMAKE_HOST_DEPENDENCY)

# Two builds of one commit are equal wherever they were made.
CRIER_PREFIX_MAP = -ffile-prefix-map=$(@D)=/crier -ffile-prefix-map=$(HOST_DIR)=/host

# Buildroot would compile with opt-level 2 (BR2_OPTIMIZE_2); what is tested and
# measured has 3. This comes after Buildroot's own settings, and wins.
CRIER_CARGO_ENV = \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=3 \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--remap-path-prefix=$(@D)=/crier --remap-path-prefix=$(HOST_DIR)=/host" \
	CFLAGS_aarch64_unknown_linux_gnu="$(TARGET_CFLAGS) $(CRIER_PREFIX_MAP)" \
	CXXFLAGS_aarch64_unknown_linux_gnu="$(TARGET_CXXFLAGS) $(CRIER_PREFIX_MAP)" \
	CMAKE=$(BR2_CMAKE) \
	CMAKE_TOOLCHAIN_FILE=$(@D)/cmake/rk3588.cmake \
	CRIER_CMAKE_TOOLCHAIN=$(HOST_DIR)/share/buildroot/toolchainfile.cmake \
	CMAKE_BUILD_PARALLEL_LEVEL=$(PARALLEL_JOBS) \
	LIBCLANG_PATH=$(HOST_DIR)/lib \
	BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--sysroot=$(STAGING_DIR)"

CRIER_RELEASE_DIR = $(@D)/target/$(RUSTC_TARGET_NAME)/release

define CRIER_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(CRIER_RELEASE_DIR)/crier $(TARGET_DIR)/usr/bin/crier
	mkdir -p $(TARGET_DIR)/usr/share/crier/voices
	cp -a $(@D)/voices/default $(TARGET_DIR)/usr/share/crier/voices/
	$(INSTALL) -m 0644 -t $(TARGET_DIR)/usr/share/crier \
		$(@D)/configs/cm3588.toml $(@D)/configs/crier.toml \
		$(@D)/configs/qemu.toml
endef

# Without dot products or without optimisation speech is several times slower,
# and no error says so.
define CRIER_CHECK_KERNELS
	$(@D)/scripts/check-kernels.sh $(TARGET_OBJDUMP) $(CRIER_RELEASE_DIR)/crier \
		$(CRIER_RELEASE_DIR)/build
endef
CRIER_POST_BUILD_HOOKS += CRIER_CHECK_KERNELS

# The supervisor is root; each stage is a user of its own, in no more groups than it needs.
define CRIER_USERS
	crier-talker -1 crier-talker -1 * - - - Crier talker
	crier-predictor -1 crier-predictor -1 * - - - Crier predictor
	crier-vocoder -1 crier-vocoder -1 * - - - Crier vocoder
	crier-player -1 crier-player -1 * - - audio Crier player
	crier-intake -1 crier-intake -1 * - - input,dialout Crier intake
endef

$(eval $(cargo-package))
