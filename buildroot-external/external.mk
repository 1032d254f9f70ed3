include $(sort $(wildcard $(BR2_EXTERNAL_CRIER_PATH)/package/*/*.mk))

# Where the rest of the repository is, seen from here, and what `make image` prepares before Buildroot runs.
CRIER_REPOSITORY = $(realpath $(BR2_EXTERNAL_CRIER_PATH)/..)
CRIER_PREPARED = $(CRIER_REPOSITORY)/target/image

# Kconfig drops a line of a configuration in silence when a dependency is missing: this tells.
.PHONY: crier-check-fragments
crier-check-fragments:
	$(CRIER_REPOSITORY)/scripts/check-fragment.sh $(LINUX_DIR)/.config \
		$(call qstrip,$(BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE) $(BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES))
	$(if $(filter y,$(BR2_TARGET_UBOOT)),$(CRIER_REPOSITORY)/scripts/check-fragment.sh $(UBOOT_DIR)/.config \
		$(call qstrip,$(BR2_TARGET_UBOOT_CONFIG_FRAGMENT_FILES)))
