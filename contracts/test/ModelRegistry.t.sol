// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ArtParameters} from "../src/ArtParameters.sol";
import {Governed} from "../src/Governed.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Epoch, EpochState} from "../src/interfaces/ILivingArtwork.sol";
import {IModelRegistry, Model, Status, Tier} from "../src/interfaces/IModelRegistry.sol";
import {Deployed} from "./utils/Deployed.sol";

/// @notice The list of open weights: who lists, activates and retires them, and what may then be chosen.
contract ModelRegistryTest is Deployed {
    bytes32 private constant HERON = keccak256("heron");

    ModelRegistry private registry;

    function setUp() public override {
        super.setUp();
        registry = _registry();
        vm.prank(address(timelock));
        artwork.setSlot("registry", address(registry));
    }

    /// @dev A registry in which the model that paints is active from the start.
    function _registry() private returns (ModelRegistry) {
        bytes32[] memory ids = new bytes32[](1);
        Model[] memory models = new Model[](1);
        (ids[0], models[0]) = (MODEL, _model("genesis"));
        return new ModelRegistry(address(timelock), ids, models);
    }

    function _model(string memory name) private pure returns (Model memory) {
        return Model({
            tensorRoot: keccak256(abi.encode("tensors", name)),
            cardHash: keccak256(abi.encode("card", name)),
            auditHash: keccak256(abi.encode("audit", name)),
            parent: 0,
            tier: Tier.OpenSource,
            status: Status.Registered,
            royaltyReceiver: address(0xBEEF),
            milliJoules: 40_000,
            uri: string.concat("https://models.example/", name, "/resolve/0123abcd"),
            licence: "Apache-2.0",
            pipelineClass: "StableDiffusionPipeline"
        });
    }

    function _assertStatus(bytes32 id, Status expected) private view {
        assertEq(uint8(registry.modelOf(id).status), uint8(expected));
        assertEq(registry.isActive(id), expected == Status.Active);
    }

    // ------------------------------------------------------------------------------------------ a model's life

    function test_byVote_aModelIsListedActivatedChosenAndRetired() public {
        _pass(address(registry), abi.encodeCall(registry.register, (HERON, _model("heron"))));
        _assertStatus(HERON, Status.Registered);

        _pass(address(registry), abi.encodeCall(registry.activate, (HERON)));
        _assertStatus(HERON, Status.Active);

        _pass(address(parameters), abi.encodeCall(parameters.setModel, (HERON)));
        assertEq(parameters.modelAt(parameters.version()), HERON);

        _pass(address(registry), abi.encodeCall(registry.retire, (HERON)));
        _assertStatus(HERON, Status.Retired);

        _pass(address(registry), abi.encodeCall(registry.activate, (HERON)));
        _assertStatus(HERON, Status.Active);
    }

    function test_models_canBeBornActive() public {
        vm.expectEmit();
        emit IModelRegistry.ModelRegistered(MODEL, _model("genesis"));
        vm.expectEmit();
        emit IModelRegistry.ModelStatusSet(MODEL, Status.Active);
        registry = _registry();
        _assertStatus(MODEL, Status.Active);
        Model memory expected = _model("genesis");
        expected.status = Status.Active;
        assertEq(abi.encode(registry.modelOf(MODEL)), abi.encode(expected));
    }

    function test_register_keepsEverythingButTheStatusThatItCameWith() public {
        Model memory model = _model("heron");
        model.status = Status.Active;
        Model memory expected = _model("heron");
        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelRegistered(HERON, expected);
        vm.prank(address(timelock));
        registry.register(HERON, model);
        assertEq(abi.encode(registry.modelOf(HERON)), abi.encode(expected));
        _assertStatus(HERON, Status.Registered);
    }

    function test_whatIsNotListed_isNothing() public view {
        _assertStatus(HERON, Status.None);
        assertEq(bytes(registry.modelOf(HERON).uri).length, 0);
    }

    function test_setRoyaltyReceiver_changesNothingElse() public {
        Model memory expected = registry.modelOf(MODEL);
        expected.royaltyReceiver = yuki;
        vm.expectEmit(address(registry));
        emit IModelRegistry.RoyaltyReceiverSet(MODEL, yuki);
        vm.startPrank(address(timelock));
        registry.setRoyaltyReceiver(MODEL, yuki);
        assertEq(abi.encode(registry.modelOf(MODEL)), abi.encode(expected));
        registry.setRoyaltyReceiver(MODEL, address(0));
        vm.stopPrank();
        assertEq(registry.modelOf(MODEL).royaltyReceiver, address(0));
    }

    // -------------------------------------------------------------------------------------- what may be chosen

    function test_setModel_refusesWhatIsNotActive() public {
        vm.startPrank(address(timelock));
        _expectNotChosen(HERON);
        registry.register(HERON, _model("heron"));
        _expectNotChosen(HERON);
        registry.activate(HERON);
        parameters.setModel(HERON);
        registry.retire(HERON);
        _expectNotChosen(HERON);
        vm.stopPrank();
    }

    function _expectNotChosen(bytes32 id) private {
        vm.expectRevert(abi.encodeWithSelector(ArtParameters.ModelNotActive.selector, id));
        parameters.setModel(id);
    }

    function test_retiringAModel_doesNotTouchASealedEpoch() public {
        uint256 number = _seal();
        Epoch memory sealed_ = artwork.epochs(number);
        vm.prank(address(timelock));
        registry.retire(MODEL);
        assertEq(abi.encode(artwork.epochs(number)), abi.encode(sealed_));

        _draw(number);
        vm.prank(operator);
        uint256 generation = painter.anchor(number, _picture(7));
        assertEq(artwork.generationOf(generation).modelId, MODEL);
        assertEq(uint8(artwork.epochs(number).state), uint8(EpochState.Anchored));
    }

    // ------------------------------------------------------------------------------------------------ refusals

    function test_everyChange_revertsForAnybodyButTheGovernance() public {
        bytes memory refusal = abi.encodeWithSelector(Governed.NotGovernance.selector, mira);
        Model memory model = _model("heron");
        vm.startPrank(mira);
        vm.expectRevert(refusal);
        registry.register(HERON, model);
        vm.expectRevert(refusal);
        registry.activate(MODEL);
        vm.expectRevert(refusal);
        registry.retire(MODEL);
        vm.expectRevert(refusal);
        registry.setRoyaltyReceiver(MODEL, mira);
        vm.stopPrank();
        _assertStatus(MODEL, Status.Active);
    }

    function test_aStepThatMakesNoSense_reverts() public {
        vm.startPrank(address(timelock));
        _expectModelIs(HERON, Status.None);
        registry.activate(HERON);
        _expectModelIs(HERON, Status.None);
        registry.retire(HERON);
        _expectModelIs(HERON, Status.None);
        registry.setRoyaltyReceiver(HERON, mira);
        _expectModelIs(MODEL, Status.Active);
        registry.activate(MODEL);
        _expectModelIs(MODEL, Status.Active);
        registry.register(MODEL, _model("another"));
        registry.retire(MODEL);
        _expectModelIs(MODEL, Status.Retired);
        registry.retire(MODEL);
        _expectModelIs(MODEL, Status.Retired);
        registry.register(MODEL, _model("another"));
        vm.stopPrank();
    }

    function _expectModelIs(bytes32 id, Status status) private {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelIs.selector, id, status));
    }

    function test_aListedModel_canBeRetiredUnused() public {
        vm.startPrank(address(timelock));
        registry.register(HERON, _model("heron"));
        registry.retire(HERON);
        vm.stopPrank();
        _assertStatus(HERON, Status.Retired);
    }

    function test_register_revertsWithoutIdTensorsOrCard() public {
        vm.startPrank(address(timelock));
        _expectInvalid(0);
        registry.register(0, _model("heron"));
        Model memory model = _model("heron");
        model.tensorRoot = 0;
        _expectInvalid(HERON);
        registry.register(HERON, model);
        model = _model("heron");
        model.cardHash = 0;
        _expectInvalid(HERON);
        registry.register(HERON, model);
        vm.stopPrank();
    }

    function _expectInvalid(bytes32 id) private {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.InvalidModel.selector, id));
    }

    function test_register_revertsForTextsThatAreMissingTooLongOrNotText() public {
        string[4] memory bad = ["", "", "", string(bytes(hex"ff"))];
        bytes32[4] memory fields = [bytes32("uri"), "licence", "pipelineClass", "licence"];
        for (uint256 i = 0; i < bad.length; ++i) {
            _expectTextRefused(fields[i], bad[i]);
        }
        _expectTextRefused("uri", string(new bytes(registry.MAX_URI() + 1)));
        _expectTextRefused("licence", string(new bytes(registry.MAX_NAME() + 1)));
        _expectTextRefused("pipelineClass", string(new bytes(registry.MAX_NAME() + 1)));
        _assertStatus(HERON, Status.None);
    }

    function _expectTextRefused(bytes32 field, string memory text) private {
        Model memory model = _model("heron");
        if (field == "uri") model.uri = text;
        else if (field == "licence") model.licence = text;
        else model.pipelineClass = text;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.InvalidText.selector, HERON, field));
        vm.prank(address(timelock));
        registry.register(HERON, model);
    }

    function test_constructor_revertsForUnequalListsTwinsAndNoGovernance() public {
        bytes32[] memory ids = new bytes32[](2);
        Model[] memory models = new Model[](1);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.LengthMismatch.selector, 2, 1));
        new ModelRegistry(address(timelock), ids, models);

        models = new Model[](2);
        (ids[0], ids[1]) = (MODEL, MODEL);
        (models[0], models[1]) = (_model("genesis"), _model("genesis"));
        _expectModelIs(MODEL, Status.Active);
        new ModelRegistry(address(timelock), ids, models);

        vm.expectRevert(Governed.ZeroAddress.selector);
        new ModelRegistry(address(0), ids, models);
    }

    // ---------------------------------------------------------------------------------------------------- fuzz

    /// @dev Whatever is listed is told again unchanged, and a text at its greatest length is taken.
    function testFuzz_register_tellsEverythingAgain(
        bytes32 id,
        bytes32[4] calldata hashes,
        uint8 tier,
        address receiver,
        uint64 milliJoules,
        uint16 seed
    ) public {
        vm.assume(id != 0 && id != MODEL && hashes[0] != 0 && hashes[1] != 0);
        Model memory model;
        (model.tensorRoot, model.cardHash, model.auditHash, model.parent) =
        (hashes[0], hashes[1], hashes[2], hashes[3]);
        model.tier = Tier(tier % 3);
        (model.royaltyReceiver, model.milliJoules) = (receiver, milliJoules);
        model.uri = _text(1 + seed % registry.MAX_URI());
        model.licence = _text(1 + seed % registry.MAX_NAME());
        model.pipelineClass = _text(registry.MAX_NAME());
        vm.prank(address(timelock));
        registry.register(id, model);
        model.status = Status.Registered;
        assertEq(abi.encode(registry.modelOf(id)), abi.encode(model));
    }

    function _text(uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "a";
        }
        return string(text);
    }

    /// @dev Any sequence of steps leaves the status that a reader of the rules would expect, and no step is
    /// taken by a stranger.
    function testFuzz_steps_followTheRules(uint256 steps) public {
        Status expected = Status.None;
        for (uint256 i = 0; i < 24; ++i) {
            uint256 step = (steps >> (2 * i)) % 3;
            bytes memory data = step == 0
                ? abi.encodeCall(registry.register, (HERON, _model("heron")))
                : step == 1
                    ? abi.encodeCall(registry.activate, (HERON))
                    : abi.encodeCall(registry.retire, (HERON));
            bool allowed = step == 0
                ? expected == Status.None
                : expected != Status.None && expected != (step == 1 ? Status.Active : Status.Retired);
            vm.prank(stranger);
            (bool byStranger,) = address(registry).call(data);
            assertFalse(byStranger);
            vm.prank(address(timelock));
            (bool done,) = address(registry).call(data);
            assertEq(done, allowed);
            if (done) expected = step == 0 ? Status.Registered : step == 1 ? Status.Active : Status.Retired;
            _assertStatus(HERON, expected);
        }
    }
}
