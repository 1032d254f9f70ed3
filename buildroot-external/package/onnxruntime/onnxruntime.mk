################################################################################
#
# onnxruntime
#
################################################################################

# The version and the SHA-256 of what is fetched are in scripts/onnxruntime.sh.
ONNXRUNTIME_VERSION = 1.24.4
ONNXRUNTIME_SITE = $(BR2_EXTERNAL_CRIER_PATH)/../target/image/onnxruntime
ONNXRUNTIME_SITE_METHOD = local
ONNXRUNTIME_LICENSE = MIT, third parties as in ThirdPartyNotices.txt
ONNXRUNTIME_LICENSE_FILES = LICENSE ThirdPartyNotices.txt

define ONNXRUNTIME_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/libonnxruntime.so \
		$(TARGET_DIR)/usr/lib/crier/libonnxruntime.so
endef

$(eval $(generic-package))
