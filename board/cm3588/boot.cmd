# Chooses the slot to start. The state of the slots is an environment in a partition of its own, which RAUC and Crier
# write as well (fw_env.config): BOOT_ORDER names the slots, best first; BOOT_x_LEFT counts the attempts a slot has
# left; BOOT_GOOD is the slot that passed its self-test last; BOOT_ROUND tells how often both slots have run out of
# attempts since then. A slot that never says it is well runs out of attempts, and the other one starts.
# `devtype`, `devnum` and `prefix` are set by U-Boot: this script is on the disk that was started from.

setenv slot_size 0x4000
setenv slot_attempts 3
setenv state_address ${pxefile_addr_r}
setenv reset_button "User Button"
part number ${devtype} ${devnum} bootstate state_part
part start ${devtype} ${devnum} ${state_part} state_start
setexpr state_blocks ${slot_size} / 0x200

# What is there is taken only when its checksum is right; else both slots get all their attempts.
if ${devtype} read ${state_address} ${state_start} ${state_blocks}; then
    env import -c ${state_address} ${slot_size} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_GOOD BOOT_ROUND
fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT ${slot_attempts}
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT ${slot_attempts}
test -n "${BOOT_GOOD}" || setenv BOOT_GOOD A
test -n "${BOOT_ROUND}" || setenv BOOT_ROUND 0

# The button held at power-on gives both slots all their attempts and asks for the factory settings.
setenv crier_arguments
if test -n "${reset_button}"; then
    if button "${reset_button}"; then
        setenv BOOT_A_LEFT ${slot_attempts}
        setenv BOOT_B_LEFT ${slot_attempts}
        setenv BOOT_ROUND 0
        setenv crier_arguments crier.reset=1
    fi
fi
# Where starting again has helped neither, a slot that fails its self-test may stay on: slot-good decides by this.
if test ${BOOT_ROUND} -gt 0; then setenv crier_arguments crier.round=${BOOT_ROUND}; fi

setenv save_state "env export -c -s ${slot_size} ${state_address} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_GOOD BOOT_ROUND; ${devtype} write ${state_address} ${state_start} ${state_blocks}"

# Linux calls the first disk of each kind 0 as U-Boot does; a virtual disk has letters.
setenv disk /dev/mmcblk${devnum}p
if test "${devtype}" = "virtio"; then setenv disk /dev/vda; fi
if test "${devtype}" = "nvme"; then setenv disk /dev/nvme${devnum}n1p; fi

for name in ${BOOT_ORDER}; do
    setenv chosen
    if test "${name}" = "A" && test ${BOOT_A_LEFT} -gt 0; then
        setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
        setenv left ${BOOT_A_LEFT}
        setenv chosen a
    fi
    if test "${name}" = "B" && test ${BOOT_B_LEFT} -gt 0; then
        setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
        setenv left ${BOOT_B_LEFT}
        setenv chosen b
    fi
    if test -n "${chosen}"; then
        echo "Crier: starting slot ${name}, ${left} attempts left"
        run save_state
        part number ${devtype} ${devnum} boot_${chosen} boot_part
        part number ${devtype} ${devnum} root_${chosen} root_part
        # The number comes as 0x3; Linux wants 3.
        setexpr root_part ${root_part} + 0
        setenv bootargs "root=${disk}${root_part} ro rootwait rootfstype=squashfs rauc.slot=${name} quiet panic=5 ${crier_arguments}"
        if load ${devtype} ${devnum}:${boot_part} ${kernel_addr_r} Image; then
            setenv tree ${fdtcontroladdr}
            if test -e ${devtype} ${devnum}:${boot_part} board.dtb; then
                setenv tree ${fdt_addr_r}
                load ${devtype} ${devnum}:${boot_part} ${fdt_addr_r} board.dtb
            fi
            setenv initrd -
            if test -e ${devtype} ${devnum}:${boot_part} initrd; then
                load ${devtype} ${devnum}:${boot_part} ${ramdisk_addr_r} initrd
                setenv initrd ${ramdisk_addr_r}:${filesize}
            fi
            booti ${kernel_addr_r} ${initrd} ${tree}
        fi
        echo "Crier: slot ${name} does not start"
    fi
done

# Both are used up: everything is tried again rather than nothing, first what was good last. Where even that starts
# neither of them, it goes on slowly, to spare the disk.
echo "Crier: no slot has attempts left; starting over"
if test ${BOOT_ROUND} -lt 2; then
    setexpr BOOT_ROUND ${BOOT_ROUND} + 1
else
    sleep 30
fi
setenv BOOT_ORDER "A B"
if test "${BOOT_GOOD}" = "B"; then setenv BOOT_ORDER "B A"; fi
setenv BOOT_A_LEFT ${slot_attempts}
setenv BOOT_B_LEFT ${slot_attempts}
run save_state
reset
