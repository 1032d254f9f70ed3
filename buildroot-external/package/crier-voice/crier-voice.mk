################################################################################
#
# crier-voice
#
################################################################################

CRIER_VOICE_VERSION = 1
CRIER_VOICE_BUNDLE = $(call qstrip,$(BR2_PACKAGE_CRIER_VOICE_BUNDLE))
CRIER_VOICE_SITE = $(or $(CRIER_VOICE_BUNDLE),$(BR2_EXTERNAL_CRIER_PATH))
CRIER_VOICE_SITE_METHOD = local
CRIER_VOICE_LICENSE = as the checkpoint it was made from
CRIER_VOICE_INSTALL_TARGET = NO
CRIER_VOICE_INSTALL_IMAGES = YES

ifeq ($(BR2_PACKAGE_CRIER_VOICE)$(BR_BUILDING),yy)
ifeq ($(CRIER_VOICE_BUNDLE),)
$(error BR2_PACKAGE_CRIER_VOICE_BUNDLE must name the folder of a voice bundle)
endif
endif

# The data partition is made from this folder.
define CRIER_VOICE_INSTALL_IMAGES_CMDS
	mkdir -p $(BINARIES_DIR)/data/voices/$(notdir $(CRIER_VOICE_BUNDLE))
	rsync -a --delete --exclude '.stamp_*' $(@D)/ \
		$(BINARIES_DIR)/data/voices/$(notdir $(CRIER_VOICE_BUNDLE))/
endef

$(eval $(generic-package))
